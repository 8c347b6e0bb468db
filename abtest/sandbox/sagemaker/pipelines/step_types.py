"""Describes the types of step that the executor runs, and the operations behind them."""

from dataclasses import dataclass

from botocore.model import Shape

from abtest.sandbox.sagemaker import wire


@dataclass(frozen=True)
class StepType:
    """A type of step that creates one resource; `stop` and `status` are None for one that is there at once.

    `metadata` is the member of a listed step's Metadata that holds the ARN; names have at most `name_length`
    characters, and None means that the service names the resource.
    """

    create: str
    describe: str
    identifier: str
    arn: str
    metadata: str
    stop: str | None = None
    status: str | None = None
    name_length: int | None = 63

    @property
    def has_name(self) -> bool:
        return self.name_length is not None


def _job(noun: str, *, metadata: str | None = None, name_length: int = 63) -> StepType:
    return StepType(
        create=f"Create{noun}",
        describe=f"Describe{noun}",
        identifier=f"{noun}Name",
        arn=f"{noun}Arn",
        metadata=metadata or noun,
        stop=f"Stop{noun}",
        status=f"{noun}Status",
        name_length=name_length,
    )


CONDITION = "Condition"
FAIL = "Fail"

RESOURCES: dict[str, StepType] = {
    "Processing": _job("ProcessingJob"),
    "Training": _job("TrainingJob"),
    "Tuning": _job("HyperParameterTuningJob", metadata="TuningJob", name_length=32),
    "Transform": _job("TransformJob"),
    "Model": StepType(
        create="CreateModel",
        describe="DescribeModel",
        identifier="ModelName",
        arn="ModelArn",
        metadata="Model",
    ),
    "RegisterModel": StepType(
        create="CreateModelPackage",
        describe="DescribeModelPackage",
        identifier="ModelPackageName",
        arn="ModelPackageArn",
        metadata="RegisterModel",
        name_length=None,
    ),
}

NAMES = (*RESOURCES, CONDITION, FAIL)

# What a Tuning step has beside its Describe response: its training jobs, best first.
TUNING_TRIALS = "TrainingJobSummaries"
LIST_TRIALS = "ListTrainingJobsForHyperParameterTuningJob"


def property_shapes(kind: str) -> dict[str, Shape]:
    """Returns the properties that other steps may refer to, by name; for Condition only Outcome, which has no shape."""
    if kind not in RESOURCES:
        return {}
    shapes = dict(_members(RESOURCES[kind].describe))
    if kind == "Tuning":
        shapes[TUNING_TRIALS] = _members(LIST_TRIALS)[TUNING_TRIALS]
    return shapes


def _members(operation: str) -> dict[str, Shape]:
    shape = wire.operation_model(operation).output_shape
    assert shape is not None, f"{operation} answers nothing"
    members: dict[str, Shape] = shape.members
    return members
