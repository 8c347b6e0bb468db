"""What an endpoint is made of for a selection of model packages: names, models, production variants."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record.plan import Plan, PlannedVariant
from abtest.experiment.record.selection import SelectedVariant, Selection
from abtest.experiment.record.shadow import Pair


@dataclasses.dataclass(frozen=True)
class Deployment:
    """A selection bound to an endpoint; `in_shadow`, the challenger answers only copies of the champion's requests.

    Names end in a digest of what they stand for: a model or an endpoint config of the same name is the same thing.
    """

    endpoint_name: str
    execution_role_arn: str
    selection: Selection
    in_shadow: bool = False

    @property
    def pair(self) -> Pair:
        """The champion, and the challenger that shadows it."""
        champion, challenger = self.selection.champion, self.selection.challengers[0]
        return Pair(champion.variant_name, champion.package.arn, challenger.variant_name, challenger.package.arn)

    @property
    def served(self) -> tuple[SelectedVariant, ...]:
        """Whose answers users get."""
        return (self.selection.champion,) if self.in_shadow else self.selection.variants

    @property
    def endpoint_config_name(self) -> str:
        """The digest leaves out weights: a change of traffic is no new deployment."""
        parts = [
            [v.variant_name, v.instance_type, v.instance_count, self.model_name(v)] for v in self.selection.variants
        ]
        parts += [["in shadow"]] if self.in_shadow else []
        return f"{self.endpoint_name}-{digest(parts, 12)}"

    def action(self, endpoint: Mapping[str, Any]) -> str:
        """What to do with the endpoint, described as by DescribeEndpoint (or with the status Missing).

        create, update, register (it serves this already) or replace: SageMaker lets a Failed one only be deleted.
        """
        status = endpoint["EndpointStatus"]
        if status in ("Missing", "Failed"):
            return "create" if status == "Missing" else "replace"
        serves_this = endpoint.get("EndpointConfigName") == self.endpoint_config_name
        return "register" if serves_this and status == "InService" else "update"

    def model_name(self, variant: SelectedVariant) -> str:
        """At most 63 characters; the creation time tells apart packages of a group that was made anew."""
        package = variant.package
        suffix = (
            f"-{package.version}-{digest([package.arn, package.created_at.isoformat(), self.execution_role_arn], 8)}"
        )
        return self.endpoint_name.removeprefix("sagemaker-")[: 63 - len(suffix)] + suffix

    @property
    def plan(self) -> Plan:
        """The variants as the experiment knows them."""
        return plan_of(Selection(self.selection.champion, self.served[1:]))

    @property
    def models(self) -> dict[str, str]:
        """The package ARN of each model to create, by the model's name."""
        return {self.model_name(variant): variant.package.arn for variant in self.selection.variants}

    def production_variants(self, shares: Mapping[str, float]) -> list[dict[str, Any]]:
        """As CreateEndpointConfig takes them."""
        return [self._variant(variant, shares[variant.variant_name]) for variant in self.served]

    @property
    def shadow_variants(self) -> list[dict[str, Any]]:
        """The challenger in shadow, which sees every request: its weight is the champion's."""
        return [self._variant(variant, 1.0) for variant in self.selection.variants if variant not in self.served]

    def _variant(self, variant: SelectedVariant, weight: float) -> dict[str, Any]:
        return {
            "VariantName": variant.variant_name,
            "ModelName": self.model_name(variant),
            "InstanceType": variant.instance_type,
            "InitialInstanceCount": variant.instance_count,
            "InitialVariantWeight": weight,
        }


def plan_of(selection: Selection) -> Plan:
    """The selected variants as an experiment knows them."""
    chosen = selection.variants
    variants = tuple(PlannedVariant(v.variant_name, v.package.arn, v.initial_weight, v.cost) for v in chosen)
    return Plan(selection.champion.package.version, variants)


def digest(parts: Any, length: int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:length]
