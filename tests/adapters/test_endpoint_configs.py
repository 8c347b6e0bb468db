from typing import Any

import boto3
import pytest

from abtest.adapters.endpoint_configs import in_use, models_of


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


@pytest.mark.usefixtures("aws")
def test_an_endpoint_that_changes_uses_both_configs() -> None:
    assert in_use(Updating()) == {"old", "new"}


class Shadowed:
    """A SageMaker with a config that has a shadow variant, which moto forgets."""

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return {"ProductionVariants": [{"ModelName": "a"}], "ShadowProductionVariants": [{"ModelName": "b"}]}


def test_a_shadow_variants_model_is_one_of_the_configs() -> None:
    assert models_of(Shadowed(), ["config"]) == {"a", "b"}
