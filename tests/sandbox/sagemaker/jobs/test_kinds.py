import pytest

from abtest.sandbox.sagemaker import wire
from abtest.sandbox.sagemaker.jobs import images
from abtest.sandbox.sagemaker.jobs.kinds import KINDS, PROCESSING, TRAINING, TRANSFORM, TUNING, Kind
from abtest.sandbox.sagemaker.jobs.records import LONGEST_REASON, shortened, words


def test_the_events_have_the_names_that_aws_documents() -> None:
    assert [f"SageMaker {kind.event} State Change" for kind in KINDS] == [
        "SageMaker Processing Job State Change",
        "SageMaker Training Job State Change",
        "SageMaker HyperParameter Tuning Job State Change",
        "SageMaker Transform Job State Change",
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_the_members_are_those_of_the_model(kind: Kind) -> None:
    shape = wire.operation_model(f"Describe{kind.noun}").output_shape
    assert shape is not None
    assert {kind.name_key, kind.arn_key, kind.status_key, kind.end_key} <= shape.members.keys()
    assert kind is TUNING or kind.start_key in shape.members


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1", TRAINING),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1", TRANSFORM),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost@sha256:0a", TRANSFORM),
        ("1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3", PROCESSING),
    ],
)
def test_images_with_a_local_implementation(image: str, kind: Kind) -> None:
    images.check(image, kind)  # raises nothing


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("1.ecr/xgboost:1", TRAINING),
        ("1.ecr/own-xgboost:1", TRANSFORM),
        ("1.ecr/blazingtext:1", PROCESSING),
        (None, TRAINING),
    ],
)
def test_an_unknown_image_says_which_are_known(image: str | None, kind: Kind) -> None:
    with pytest.raises(images.UnknownImageError, match=r"blazingtext \(TrainingJob\).*scikit-learn \(ProcessingJob\)"):
        images.check(image, kind)


def test_a_long_reason_keeps_its_class_and_its_end() -> None:
    reason = shortened("AlgorithmError: " + "x" * 5000 + "ValueError: last, exit code: 1")
    assert len(reason) <= LONGEST_REASON
    assert reason.startswith("AlgorithmError: ")
    assert reason.endswith("ValueError: last, exit code: 1")


def test_kinds_in_words() -> None:
    assert [words(kind) for kind in KINDS] == [
        "processing job",
        "training job",
        "hyperparameter tuning job",
        "transform job",
    ]
