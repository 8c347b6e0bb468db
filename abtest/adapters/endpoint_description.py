"""What an endpoint serves, whoever made it: its status, tags, and variants with the models behind them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from abtest.adapters.missing import described
from abtest.adapters.registry import client
from abtest.experiment.record.plan import PlannedVariant

IN_SERVICE, DELETING = "InService", "Deleting"


class DescriptionError(Exception):
    """Nobody can tell what the endpoint serves; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class EndpointDescription:
    """`created_at` tells it from an earlier one of its name; `variants` are empty unless it is in service."""

    endpoint_name: str
    status: str
    created_at: str
    tags: Mapping[str, str]
    variants: tuple[PlannedVariant, ...]


def describe(endpoint_name: str) -> EndpointDescription | None:
    """The endpoint; None if there is none. Raises DescriptionError."""
    found = described(client().describe_endpoint, EndpointName=endpoint_name)
    if found is None:
        return None
    status = found["EndpointStatus"]
    return EndpointDescription(
        endpoint_name,
        status,
        found["CreationTime"].isoformat(),
        _tags(found["EndpointArn"]) if status != DELETING else {},
        _variants(found) if status == IN_SERVICE else (),
    )


def _tags(arn: str) -> dict[str, str]:
    pages = client().get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def _variants(endpoint: Mapping[str, Any]) -> tuple[PlannedVariant, ...]:
    """In the order of the endpoint's configuration, with the weights that they have now."""
    weights = {variant["VariantName"]: variant["CurrentWeight"] for variant in endpoint["ProductionVariants"]}
    name = endpoint["EndpointConfigName"]
    config = described(client().describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        raise DescriptionError(
            f"{endpoint['EndpointName']}: its endpoint config {name} is deleted, which alone names its models; "
            "create it again, as it was"
        )
    return tuple(
        PlannedVariant(
            item["VariantName"], _model(item["VariantName"], item["ModelName"]), weights[item["VariantName"]]
        )
        for item in config["ProductionVariants"]
    )


def _model(variant_name: str, model_name: str) -> str:
    """The ARN of the package that the model was made from, else the model's own."""
    model = described(client().describe_model, ModelName=model_name)
    if model is None:
        raise DescriptionError(
            f"{variant_name}: its model {model_name} is deleted, so nobody can tell whether it is still the same; "
            "create the model again"
        )
    containers = model.get("Containers") or [model.get("PrimaryContainer", {})]
    package = containers[0].get("ModelPackageName") if len(containers) == 1 else None
    return str(package or model["ModelArn"])
