"""An endpoint's weights as SageMaker describes and takes them, against the experiment's shares."""

from collections.abc import Mapping
from typing import Any

from abtest.experiment.variants import Shares

TOLERANCE = 1e-4  # SageMaker keeps weights in single precision


class VariantsDifferError(Exception):
    """The endpoint does not serve the experiment's variants."""


def desired_weights(shares: Mapping[str, float]) -> list[dict[str, Any]]:
    """As UpdateEndpointWeightsAndCapacities takes them."""
    return [{"VariantName": name, "DesiredWeight": share} for name, share in shares.items()]


def differ(shares: Mapping[str, float], endpoint: Mapping[str, Any]) -> bool:
    """Whether the endpoint (a DescribeEndpoint response) splits its traffic otherwise. Raises VariantsDifferError."""
    weights = {item["VariantName"]: item["CurrentWeight"] for item in endpoint["ProductionVariants"]}
    if set(weights) != set(shares):
        raise VariantsDifferError(
            f"The endpoint serves {', '.join(sorted(weights))}, the experiment has {', '.join(sorted(shares))}: "
            "build-endpoint has not registered its change, or someone else changed the endpoint."
        )
    current = Shares.of_weights(weights)
    return any(abs(current[name] - share) > TOLERANCE for name, share in shares.items())
