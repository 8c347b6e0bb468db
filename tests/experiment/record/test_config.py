"""The configuration: what is refused and how, and that the JSON Schema refuses the same."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.config import CHECKS, VARIANT_CHECKS, ConfigError, ExperimentConfig, VariantConfig
from abtest.experiment.record.safety import CANARY_CHECKS, SHADOW_CHECKS, CanaryConfig, ShadowConfig

FOLDER = Path(__file__).parents[3] / "infra" / "config"
SCHEMA = json.loads((FOLDER / "experiment.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LEAST: dict[str, Any] = {"project_name": "reviews", "stage_name": "dev"}

TELLING: list[Any] = [
    *(
        None,
        True,
        False,
        "",
        "x",
        "UCB1",
        "Adaptive",
        "none",
        "iam",
        "learn_first",
        "minimize",
        "automatic",
        "ml.m5.large",
        "ml.m5",
        "a-b",
        "-a",
        "A b",
        "é",
    ),
    *(
        -1,
        0,
        1,
        1.0,
        1.5,
        0.05,
        0.1,
        0.11,
        0.5,
        4,
        5,
        9,
        10,
        63,
        100,
        101,
        1440,
        1441,
        2592001,
        10**9 + 1,
        1e30,
        1e-300,
    ),
    *([], {}, [{}], [None], [{}] * 9, [{}] * 10, {"variant_name": "A"}, [{"variant_name": "A"}], {"x": 1}),
    *({"model_package_version": 1}, [{}, {"model_package_version": 1}]),
    *("1a", "a1", "a" * 7, "a" * 8, "a" * 32, "a" * 33, "a" * 64, "a-b", "dev", "demo", "prod"),
]
VALUES = st.sampled_from(TELLING)


def accepted(document: Any) -> bool:
    try:
        ExperimentConfig.from_json(document)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("stage", ["dev", "demo", "prod"])
def test_the_stages_files_are_right(stage: str) -> None:
    document = json.loads((FOLDER / f"{stage}.json").read_text())
    VALIDATOR.validate(document)
    config = ExperimentConfig.from_json(document)
    assert config.stage_name == stage
    assert config.endpoint_name == f"sagemaker-reviews-{stage}"
    assert config.warnings == ()


@pytest.mark.parametrize("key", CHECKS)
@pytest.mark.parametrize("value", TELLING, ids=repr)
def test_schema_and_dataclass_agree_on_every_key(key: str, value: Any) -> None:
    document = LEAST | {key: value}
    assert VALIDATOR.is_valid(document) == accepted(document)


@pytest.mark.parametrize("key", VARIANT_CHECKS)
@pytest.mark.parametrize("value", TELLING, ids=repr)
def test_schema_and_dataclass_agree_on_every_key_of_a_variant(key: str, value: Any) -> None:
    for document in ({"champion_variant_config": {key: value}}, {"challenger_variant_config": [{key: value}]}):
        assert VALIDATOR.is_valid(LEAST | document) == accepted(LEAST | document)


@given(st.dictionaries(st.sampled_from([*CHECKS, "other"]), VALUES) | VALUES)
def test_schema_and_dataclass_agree_on_whole_documents(document: Any) -> None:
    assert VALIDATOR.is_valid(document) == accepted(document)


@pytest.mark.parametrize(
    ("stage", "key"), [*(("canary", key) for key in CANARY_CHECKS), *(("shadow", key) for key in SHADOW_CHECKS)]
)
@pytest.mark.parametrize("value", TELLING, ids=repr)
def test_schema_and_dataclass_agree_on_every_key_of_shadow_and_canary(stage: str, key: str, value: Any) -> None:
    document = LEAST | {stage: {key: value}}
    assert VALIDATOR.is_valid(document) == accepted(document)


def test_the_schema_states_the_defaults() -> None:
    config = ExperimentConfig.from_json(LEAST)
    properties = SCHEMA["properties"]
    assert set(properties) == set(CHECKS) == set(ExperimentConfig.__dataclass_fields__)
    stated = {key: rule["default"] for key, rule in properties.items() if "default" in rule}
    assert stated == {key: getattr(config, key) for key in stated}
    variant = SCHEMA["$defs"]["variant"]["properties"]
    assert set(variant) == set(VARIANT_CHECKS) == set(VariantConfig.__dataclass_fields__)
    for name, stage, checks in (("canary", CanaryConfig(), CANARY_CHECKS), ("shadow", ShadowConfig(), SHADOW_CHECKS)):
        stated = {key: rule["default"] for key, rule in SCHEMA["$defs"][name]["properties"].items()}
        assert stated == dataclasses.asdict(stage)
        assert set(stated) == set(checks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warm_up": 3}, 'warm_up: there is no such key; did you mean "warmup"?'),
        ({"zzz": 3}, "zzz: there is no such key; the keys are project_name"),
        ({"warmup": -1}, "warmup: must be a whole number from 0 to 1000000000, not -1"),
        ({"warmup": float("inf")}, "warmup: must be a whole number"),
        ({"warmup": float("nan")}, "warmup: must be a whole number"),
        ({"epsilon": float("nan")}, "epsilon: must be a number from 0 to 1, not nan"),
        ({"project_name": "a\n"}, "project_name: must be lower-case letters"),
        ({"project_name": "1a"}, "project_name: must be lower-case letters, digits and inner hyphens, first a letter"),
        ({"strategy": "Thompson"}, "strategy: must be one of WeightedSampling"),
        ({"strategy": ["UCB1"]}, "strategy: must be one of WeightedSampling"),
        ({"mode": "learn"}, "mode: must be one of earn_first, learn_first, not 'learn'"),
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
        ExperimentConfig.from_json(LEAST | change)
    assert str(raised.value).startswith(message)


def test_a_missing_key_and_no_object() -> None:
    with pytest.raises(ConfigError, match="stage_name: is missing; add it"):
        ExperimentConfig.from_json({"project_name": "reviews"})
    with pytest.raises(ConfigError, match="configuration: must be a JSON object"):
        ExperimentConfig.from_json([])


def test_no_authentication_warns() -> None:
    config = ExperimentConfig.from_json(LEAST | {"authentication": "none"})
    assert "anyone" in config.warnings[0]


def test_null_stands_for_the_default_of_a_variant() -> None:
    config = ExperimentConfig.from_json(LEAST | {"champion_variant_config": None, "challenger_variant_config": [{}]})
    assert config.champion_variant_config == config.challenger_variant_config[0] == VariantConfig()
