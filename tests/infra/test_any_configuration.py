"""Any configuration either makes whole stacks or is refused by name, before there is a resource."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment.record.config import ConfigError, ExperimentConfig, VariantConfig
from abtest.experiment.record.config_file import read_config
from tests.infra.templates import synthesise, text

pytestmark = pytest.mark.slow

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
STAGES = st.from_regex(r"[a-z0-9]{1,7}", fullmatch=True) | st.sampled_from(["dev", "prod"])
VARIANT = st.fixed_dictionaries(
    {},
    optional={
        "model_package_version": st.none() | st.integers(1, 99),
        "variant_name": st.none() | st.sampled_from(["A", "B", "Champion1"]),
        "instance_type": st.sampled_from([None, "ml.m5.large"]),
        "initial_variant_weight": st.floats(0.1, 9),
    },
)
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "strategy": st.sampled_from(["Adaptive", "UCB1"]),
    "mode": st.sampled_from(["earn_first", "learn_first"]),
    "margin": st.none() | st.floats(0.001, 1),
    "promotion": st.sampled_from(["manual", "automatic"]),
    "promotion_approver": st.none() | st.just("Release board"),
    "rebalance_schedule_minutes": st.none() | st.integers(5, 1440),
    "authentication": st.sampled_from(["iam", "none"]),
    "challenger_variant_count": st.integers(0, 9),
    "champion_variant_config": st.none() | VARIANT,
    "challenger_variant_config": st.lists(VARIANT, max_size=3),
}
KEYS = [field.name for kind in (ExperimentConfig, VariantConfig) for field in dataclasses.fields(kind)]
WRONG: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from([None, "x", -1, 10**9, []]), max_size=1
)
DOCUMENTS = st.tuples(
    st.fixed_dictionaries({"project_name": NAMES, "stage_name": STAGES}, optional=RIGHT), WRONG | st.just({})
).map(lambda parts: parts[0] | parts[1])


@settings(max_examples=25)
@given(DOCUMENTS)
def test_a_configuration_deploys_or_is_refused_before_a_resource_exists(document: dict[str, Any]) -> None:
    try:
        config = read_config(document)
    except ConfigError as error:
        assert str(error).partition(":")[0].split(".")[-1] in KEYS
        return
    with tempfile.TemporaryDirectory() as folder:
        made = synthesise(config, Path(folder))
        assert set(made.parts) == {"data", "training", "workflows", "api"}
        machines = made.properties("AWS::StepFunctions::StateMachine")
        assert all(len(machine["StateMachineName"]) <= 80 for machine in machines)
        (pipeline_outputs, groups) = (made.outputs()["training"], made.properties("AWS::SageMaker::ModelPackageGroup"))
        assert pipeline_outputs and all(len(group["ModelPackageGroupName"]) <= 63 for group in groups)
        assert len(config.endpoint_name) + 13 <= 63  # with the digest of its configs
        automatic = any(machine["StateMachineName"] == f"{config.prefix}-promote" for machine in machines)
        assert automatic is (config.promotion == "automatic")


LONGEST_REFERENCE = 130  # characters of what CloudFormation puts in place of a reference: a role's ARN at most


def test_the_fullest_configuration_is_within_the_limits_of_lambda_and_iam(tmp_path: Path) -> None:
    variant = {
        "model_package_version": 10**9,
        "instance_count": 100,
        "instance_type": "ml.m5dn.24xlarge",
        "initial_variant_weight": 0.1 + 0.2,
        "cost": 0.1 + 0.2,
    }
    variants = [variant | {"variant_name": str(number) * 63} for number in range(10)]
    config = read_config(
        {
            "project_name": "p" * 32,
            "stage_name": "s" * 7,
            "canary": {"most_latency_ms": 0.1 + 0.2, "minutes": 0.1 + 0.2, "share": 0.1 + 0.2},
            "promotion_approver": "A" * 64,
            "challenger_variant_count": 9,
            "champion_variant_config": variants[0],
            "challenger_variant_config": variants[1:],
        }
    )
    made = synthesise(config, tmp_path)
    for function in made.properties("AWS::Lambda::Function"):
        variables = function.get("Environment", {}).get("Variables", {})
        sizes = [len(v) if isinstance(v, str) else LONGEST_REFERENCE for v in variables.values()]
        assert sum(map(len, variables)) + sum(sizes) <= 4096, variables.keys()
    sizes_of: dict[str, int] = {}
    for _, policy in made.named("AWS::IAM::Policy"):
        (role,) = policy["Properties"]["Roles"]
        sizes_of[text(role)] = sizes_of.get(text(role), 0) + len(json.dumps(policy["Properties"]["PolicyDocument"]))
    assert max(sizes_of.values()) <= 10_240, sizes_of  # of a role's inline policies
