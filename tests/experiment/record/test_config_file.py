"""The stage's configuration as people write it: what is refused and how, and that the JSON Schema refuses the same."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abtest.experiment.record.config import ConfigError, ExperimentConfig, VariantConfig
from abtest.experiment.record.config_file import config_schema, read_config, read_stage
from abtest.experiment.record.safety import CanaryConfig, ShadowConfig

FOLDER = Path(__file__).parents[3] / "infra" / "config"
VALIDATOR = jsonschema.Draft202012Validator(config_schema())
LEAST: dict[str, Any] = {"project_name": "reviews", "stage_name": "dev"}


def keys(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


# Values at the bounds of some key, of every kind. Whole numbers are written as such: 20.0 is none to pydantic.
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, False, "", [], {}, [None], [{}] * 9, [{}] * 10, {"x": 1}]),
    st.sampled_from(["UCB1", "none", "iam", "learn_first", "minimize", "automatic", "ml.m5.large", "ml.m5", "a-b"]),
    st.sampled_from(
        ["-a", "A b", "\u00e9", "a\n", "1a", "a" * 7, "a" * 8, "a" * 32, "a" * 33, "a" * 64, "dev", "prod"]
    ),
    st.sampled_from([-1, 0, 1, 1.5, 0.05, 0.1, 0.11, 0.5, 4, 5, 9, 10, 100, 101, 1440, 1441, 10**9 + 1, 1e-9]),
)
VARIANTS = st.dictionaries(st.sampled_from([*keys(VariantConfig), "other"]), VALUES, max_size=2)
PARTS = {
    "champion_variant_config": VARIANTS,
    "challenger_variant_config": st.lists(VARIANTS, max_size=3),
    "canary": st.dictionaries(st.sampled_from(keys(CanaryConfig)), VALUES, max_size=2),
    "shadow": st.dictionaries(st.sampled_from(keys(ShadowConfig)), VALUES, max_size=2),
}
DOCUMENTS = st.lists(
    st.sampled_from([*keys(ExperimentConfig), "other"]).flatmap(
        lambda key: st.tuples(st.just(key), VALUES | PARTS.get(key, VALUES))
    ),
    max_size=3,
).map(lambda pairs: LEAST | dict(pairs))


def accepted(document: Any) -> bool:
    try:
        read_config(document)
    except ConfigError as error:
        return "is given to two variants" in str(error)  # which no schema can say
    return True


@pytest.mark.parametrize("stage", ["dev", "demo", "prod"])
def test_the_stages_files_are_right(stage: str) -> None:
    text = (FOLDER / f"{stage}.json").read_text()
    VALIDATOR.validate(json.loads(text))
    config = read_stage(text, stage, None)
    assert config.endpoint_name == f"sagemaker-reviews-{stage}"
    assert config.warnings == ()


@given(DOCUMENTS | VALUES)
@example(LEAST | {"authentication": "none"})
@example(LEAST | {"authentication": "none", "stage_name": "prod"})
@example(LEAST | {"shadow": {}, "challenger_variant_count": 2})
@example(LEAST | {"shadow": None, "challenger_variant_count": 2})
@example(LEAST | {"promotion": "automatic", "challenger_variant_config": [{}, {"model_package_version": 1}]})
def test_the_schema_accepts_what_the_parser_accepts(document: Any) -> None:
    assert VALIDATOR.is_valid(document) == accepted(document)


def test_the_committed_schema_is_the_codes_with_a_description_and_the_default_of_each_key() -> None:
    """`make generate` writes it."""
    assert json.loads((FOLDER / "experiment.schema.json").read_text()) == config_schema()
    schema = config_schema()
    described = {None: ExperimentConfig, "VariantConfig": VariantConfig, "CanaryConfig": CanaryConfig}
    for name, kind in {**described, "ShadowConfig": ShadowConfig}.items():
        properties = (schema["$defs"][name] if name else schema)["properties"]
        assert set(properties) == set(keys(kind))
        assert all(rule["description"] for rule in properties.values())
        for field in dataclasses.fields(kind):
            if isinstance(field.default, str | int | float):
                assert properties[field.name]["default"] == field.default


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warm_up": 3}, 'warm_up: there is no such key; did you mean "warmup"?'),
        ({"zzz": 3}, "zzz: there is no such key; the keys are strategy"),
        ({"warmup": 20.0}, "warmup: must be a whole number from 0 to 1000000000, not 20.0"),
        ({"warmup": -1}, "warmup: must be a whole number from 0 to 1000000000, not -1"),
        ({"warmup": float("inf")}, "warmup: must be a whole number"),
        ({"warmup": float("nan")}, "warmup: must be a whole number"),
        ({"epsilon": float("nan")}, "epsilon: must be a number from 0 to 1, not nan"),
        ({"project_name": "a\n"}, "project_name: must be lower-case letters"),
        ({"project_name": "1a"}, "project_name: must be lower-case letters, digits and inner hyphens, first a letter"),
        ({"strategy": "Thompson"}, "strategy: must be one of WeightedSampling"),
        ({"strategy": ["UCB1"]}, "strategy: must be one of WeightedSampling"),
        ({"mode": "learn"}, "mode: must be one of learn_first, earn_first, not 'learn'"),
        ({"objective": "min"}, "objective: must be one of maximize, minimize, not 'min'"),
        ({"margin": 0}, "margin: must be a number above 0 and at most 1, not 0"),
        ({"time_limit_hours": 0}, "time_limit_hours: must be a number above 0 and at most 87840, not 0"),
        (
            {"champion_variant_config": {"cost": -1}},
            "champion_variant_config.cost: must be a number from 0 to 1, not -1",
        ),
        ({"joining_share": 0.6}, "joining_share: must be a number above 0 and at most 0.5, not 0.6"),
        ({"canary": {"share": 0.6}}, "canary.share: must be a number above 0 and at most 0.5, not 0.6"),
        ({"canary": {"minute": 1}}, 'canary.minute: there is no such key; did you mean "minutes"?'),
        ({"canary": 0.1}, "canary: must be a JSON object"),
        ({"shadow": {"minutes": 0}}, "shadow.minutes: must be a number above 0 and at most 2880, not 0"),
        (
            {"shadow": {}, "challenger_variant_count": 2},
            "shadow: SageMaker has one shadow variant beside one production",
        ),
        ({"shadow": {}, "challenger_variant_config": [{}, {}]}, "shadow: SageMaker has one shadow variant"),
        ({"promotion_approver": ""}, "promotion_approver: must be a name of letters, digits"),
        ({"promotion": "auto"}, "promotion: must be one of manual, automatic, not 'auto'"),
        (
            {"promotion": "automatic", "challenger_variant_config": [{}, {"model_package_version": 1}]},
            'challenger_variant_config[1].model_package_version: "promotion" is automatic',
        ),
        ({"rebalance_schedule_minutes": 4}, "rebalance_schedule_minutes: must be a whole number from 5"),
        (
            {"champion_variant_config": {"variant_nam": "A"}},
            "champion_variant_config.variant_nam: there is no such key; did you mean",
        ),
        (
            {"challenger_variant_config": [{}] * 10},
            "challenger_variant_config: must be a list of at most 9 variants, not",
        ),
        ({"champion_variant_config": 3}, "champion_variant_config: must be a JSON object"),
        (
            {"challenger_variant_config": [{}, {"initial_variant_weight": 0}]},
            "challenger_variant_config[1].initial_variant_weight: must be a number above 0",
        ),
        ({"stage_name": "prod", "authentication": "none"}, 'authentication: "none" is allowed only in'),
        (
            {"champion_variant_config": {"variant_name": "A"}, "challenger_variant_config": [{"variant_name": "A"}]},
            'variant_name: "A" is given to two variants',
        ),
    ],
)
def test_an_error_names_the_key_and_the_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_config(LEAST | change)
    assert str(raised.value).startswith(message)


def test_a_missing_key_and_no_object() -> None:
    with pytest.raises(ConfigError, match="stage_name: is missing; add it"):
        read_config({"project_name": "reviews"})
    with pytest.raises(ConfigError, match="configuration: must be a JSON object"):
        read_config([])


def test_no_authentication_warns() -> None:
    config = read_config(LEAST | {"authentication": "none"})
    assert "anyone" in config.warnings[0]


def test_null_stands_for_the_default_of_a_variant() -> None:
    config = read_config(LEAST | {"champion_variant_config": None, "challenger_variant_config": [{}]})
    assert config.champion_variant_config == config.challenger_variant_config[0] == VariantConfig()
