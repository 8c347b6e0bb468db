from collections.abc import Sequence
from typing import Any

import boto3
import pytest

from abtest.adapters import releases
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.release import Release
from abtest.operations import clean_up as operation
from abtest.operations import hold_lease

ROLE = "arn:aws:iam::123456789012:role/model"
NAME = "sagemaker-reviews-dev"


def clean_up(table: ExperimentsTable, deployed: Sequence[str]) -> list[str]:
    """After the deployment of these endpoint configs, one after the other."""
    known = after = releases.get(table, NAME)
    for config_name in deployed:
        after = after.then(Release.of(config_name, "experiment", {"Champion": config_name}))
    if writes := releases.put(NAME, known, after):
        table.transact(writes)
    return operation.clean_up(table, NAME, "x")


@pytest.fixture
def sagemaker(aws: None) -> Any:
    return boto3.client("sagemaker")


def config(sagemaker: Any, digest: str, *models: str, name: str = NAME) -> str:
    """An endpoint config that names the models, made if need be; returns its name."""
    made = {model["ModelName"] for model in sagemaker.list_models()["Models"]}
    for model in set(models) - made:
        image = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"}
        sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer=image)
    instances = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    variants = [{"VariantName": f"V{model}", "ModelName": model, **instances} for model in models]
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-{digest:0<12}", ProductionVariants=variants)
    return f"{name}-{digest:0<12}"


def left(sagemaker: Any) -> set[str]:
    configs = {found["EndpointConfigName"] for found in sagemaker.list_endpoint_configs()["EndpointConfigs"]}
    return configs | {model["ModelName"] for model in sagemaker.list_models()["Models"]}


def test_configs_that_nobody_needs_go_and_models_that_only_they_name(
    sagemaker: Any, experiments: ExperimentsTable
) -> None:
    kept = [config(sagemaker, "0a", "a", "b"), config(sagemaker, "0b", "b", "c")]
    gone = config(sagemaker, "0c", "a", "b", "c", "d")
    assert clean_up(experiments, kept) == [gone, "d"]
    assert left(sagemaker) == {*kept, "a", "b", "c"}
    assert clean_up(experiments, kept) == []


def test_what_any_endpoint_of_the_account_uses_stays(sagemaker: Any, experiments: ExperimentsTable) -> None:
    ours, theirs = config(sagemaker, "0a", "a"), config(sagemaker, "0b", "b")
    other = config(sagemaker, "0c", "c", name="other")
    config(sagemaker, "0d", "c", "d")
    for name, used in ((NAME, ours), ("theirs", theirs), ("other", other)):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=used)
    clean_up(experiments, [])
    assert left(sagemaker) == {ours, theirs, other, "a", "b", "c"}


def test_another_stages_configs_stay(sagemaker: Any, experiments: ExperimentsTable) -> None:
    other = config(sagemaker, "0a", "a", name=f"{NAME}-two")
    assert clean_up(experiments, []) == []
    assert left(sagemaker) == {other, "a"}


def test_a_model_that_is_gone_does_not_keep_its_config(sagemaker: Any, experiments: ExperimentsTable) -> None:
    gone = config(sagemaker, "0a", "a", "b")
    sagemaker.delete_model(ModelName="a")
    assert clean_up(experiments, []) == [gone, "b"]
    assert left(sagemaker) == set()


def test_nothing_goes_while_another_execution_holds_the_lease(sagemaker: Any, experiments: ExperimentsTable) -> None:
    old = config(sagemaker, "0a", "a")
    hold_lease.ask(experiments, NAME, "another", 10.0**10)
    assert clean_up(experiments, []) == []
    assert left(sagemaker) == {old, "a"}
