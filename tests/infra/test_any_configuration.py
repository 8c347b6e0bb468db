"""Any configuration either makes whole stacks or is refused by name, before there is a resource."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment.config import CHECKS, VARIANT_CHECKS, ConfigError, ExperimentConfig
from tests.infra.templates import synthesise

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
WRONG: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from([*CHECKS, *VARIANT_CHECKS]), st.sampled_from([None, "x", -1, 10**9, []]), max_size=1
)
DOCUMENTS = st.tuples(
    st.fixed_dictionaries({"project_name": NAMES, "stage_name": STAGES}, optional=RIGHT), WRONG | st.just({})
).map(lambda parts: parts[0] | parts[1])


@settings(max_examples=25)
@given(DOCUMENTS)
def test_a_configuration_deploys_or_is_refused_before_a_resource_exists(document: dict[str, Any]) -> None:
    try:
        config = ExperimentConfig.from_json(document)
    except ConfigError as error:
        assert str(error).partition(":")[0].split(".")[-1] in {*CHECKS, *VARIANT_CHECKS}
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
