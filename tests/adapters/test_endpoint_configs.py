from typing import Any

import boto3
import pytest

from abtest.adapters.endpoint_configs import clean_up, in_use, models_of

ROLE = "arn:aws:iam::123456789012:role/model"
NAME = "sagemaker-reviews-dev"


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


def test_configs_that_nobody_needs_go_and_models_that_only_they_name(sagemaker: Any) -> None:
    kept = [config(sagemaker, "0a", "a", "b"), config(sagemaker, "0b", "b", "c")]
    gone = config(sagemaker, "0c", "a", "b", "c", "d")
    assert clean_up(sagemaker, NAME, kept) == [gone, "d"]
    assert left(sagemaker) == {*kept, "a", "b", "c"}
    assert clean_up(sagemaker, NAME, kept) == []


def test_what_any_endpoint_of_the_account_uses_stays(sagemaker: Any) -> None:
    ours, theirs = config(sagemaker, "0a", "a"), config(sagemaker, "0b", "b")
    other = config(sagemaker, "0c", "c", name="other")
    config(sagemaker, "0d", "c", "d")
    for name, used in ((NAME, ours), ("theirs", theirs), ("other", other)):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=used)
    clean_up(sagemaker, NAME, [])
    assert left(sagemaker) == {ours, theirs, other, "a", "b", "c"}


def test_another_stages_configs_stay(sagemaker: Any) -> None:
    other = config(sagemaker, "0a", "a", name=f"{NAME}-two")
    assert clean_up(sagemaker, NAME, []) == []
    assert left(sagemaker) == {other, "a"}


class Updating:
    """A SageMaker where one endpoint gets a new config, and another is deleted between listing and looking."""

    def get_paginator(self, _: str) -> "Updating":
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"Endpoints": [{"EndpointName": "updating"}]}, {"Endpoints": [{"EndpointName": "gone"}]}]

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if EndpointName == "gone":
            boto3.client("sagemaker").describe_endpoint(EndpointName=EndpointName)  # fails as SageMaker does
        return {"EndpointConfigName": "old", "PendingDeploymentSummary": {"EndpointConfigName": "new"}}


def test_an_endpoint_that_changes_uses_both_configs(sagemaker: Any) -> None:
    assert in_use(Updating()) == {"old", "new"}


class Shadowed:
    """A SageMaker with a config that has a shadow variant, which moto forgets."""

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return {"ProductionVariants": [{"ModelName": "a"}], "ShadowProductionVariants": [{"ModelName": "b"}]}


def test_a_shadow_variants_model_is_one_of_the_configs() -> None:
    assert models_of(Shadowed(), ["config"]) == {"a", "b"}


def test_a_model_that_is_gone_does_not_keep_its_config(sagemaker: Any) -> None:
    gone = config(sagemaker, "0a", "a", "b")
    sagemaker.delete_model(ModelName="a")
    assert clean_up(sagemaker, NAME, []) == [gone, "b"]
    assert left(sagemaker) == set()
