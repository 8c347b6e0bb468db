"""Endpoints as SageMaker describes them, on moto."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from abtest.adapters.endpoint_description import DescriptionError, describe
from abtest.experiment.record.plan import PlannedVariant

pytestmark = pytest.mark.usefixtures("aws")

NAME = "sagemaker-reviews-churn"
ROLE = "arn:aws:iam::000000000000:role/models"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/churn/3"


def create(models: Mapping[str, dict[str, Any]], weights: tuple[float, ...] = (3.0, 1.0)) -> None:
    """An endpoint with a variant for each model, by the variant's name."""
    sagemaker = boto3.client("sagemaker")
    variants: list[dict[str, Any]] = []
    for (name, containers), weight in zip(models.items(), weights, strict=True):
        sagemaker.create_model(ModelName=f"model-{name}", ExecutionRoleArn=ROLE, **containers)
        variants.append({"VariantName": name, "ModelName": f"model-{name}", "InstanceType": "ml.m5.large"})
        variants[-1] |= {"InitialInstanceCount": 1, "InitialVariantWeight": weight}
    sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=variants)
    tags = [{"Key": "ab-testing:enabled", "Value": "true"}]
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="config", Tags=tags)


def test_variants_stand_for_their_package_else_for_their_model() -> None:
    package, image = {"ModelPackageName": PACKAGE}, {"Image": "registry/image:1"}
    create({"b": {"PrimaryContainer": package}, "a": {"PrimaryContainer": image}})
    found = describe(NAME)
    assert found is not None
    assert (found.endpoint_name, found.status, found.tags) == (NAME, "InService", {"ab-testing:enabled": "true"})
    model = boto3.client("sagemaker").describe_model(ModelName="model-a")["ModelArn"]
    assert found.variants == (PlannedVariant("b", PACKAGE, 3.0), PlannedVariant("a", model, 1.0))


def test_no_endpoint_is_none() -> None:
    assert describe(NAME) is None


def test_a_deleted_model_is_an_error_that_names_it() -> None:
    create({"a": {"PrimaryContainer": {"Image": "i"}}, "b": {"PrimaryContainer": {"Image": "i"}}})
    boto3.client("sagemaker").delete_model(ModelName="model-b")
    with pytest.raises(DescriptionError, match="b: its model model-b is deleted"):
        describe(NAME)


def test_a_deleted_config_is_an_error_that_names_it() -> None:
    create({"a": {"PrimaryContainer": {"Image": "i"}}, "b": {"PrimaryContainer": {"Image": "i"}}})
    boto3.client("sagemaker").delete_endpoint_config(EndpointConfigName="config")
    with pytest.raises(DescriptionError, match=f"{NAME}: its endpoint config config is deleted"):
        describe(NAME)
