import pytest

from abtest.experiment.record.config import ConfigError
from abtest.experiment.record.endpoint_tags import EndpointTags


def read(**tags: str) -> EndpointTags:
    return EndpointTags.read({f"ab-testing:{key}": value for key, value in tags.items()}, "dev")


def test_the_published_tags_are_read_and_others_left_alone() -> None:
    tags = {
        "ab-testing:enabled": "True",
        "ab-testing:strategy": "UCB1",
        "ab-testing:epsilon": "0.25",
        "ab-testing:warmup": "40",
        "ab-testing:champion": "blue",
        "team": "search",
    }
    settings = {"strategy": "UCB1", "epsilon": 0.25, "warmup": 40}
    assert EndpointTags.read(tags, "dev") == EndpointTags(True, "blue", settings)
    assert EndpointTags.read({"team": "search"}, "dev") == EndpointTags(False, None, {})


@pytest.mark.parametrize(("stage", "enabled"), [("dev", True), ("prod", False)])
def test_an_endpoint_tagged_for_another_stage_is_not_ours(stage: str, enabled: bool) -> None:
    tags = {"ab-testing:enabled": "true", "sagemaker:deployment-stage": stage}
    assert EndpointTags.read(tags, "dev").enabled is enabled


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("enabled", "yes", "ab-testing:enabled: must be true or false, not 'yes'"),
        ("strategy", "Thompson", "ab-testing:strategy: must be one of .*ThompsonSampling"),
        ("epsilon", "half", "ab-testing:epsilon: must be a number from 0 to 1, not 'half'"),
        ("epsilon", "nan", "ab-testing:epsilon: must be a number"),
        ("warmup", "2.5", "ab-testing:warmup: must be a whole number"),
        ("warmup", "inf", "ab-testing:warmup: must be"),
        ("epsilom", "0.1", 'ab-testing:epsilom: there is no such key; did you mean "epsilon"'),
    ],
)
def test_a_wrong_tag_is_named(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(**{key: value})
