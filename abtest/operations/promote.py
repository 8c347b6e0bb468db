"""The winner of a decided experiment as a new version of the champion's group: where the loop closes.

Once that version is approved, build-endpoint serves it alone, by the same rule as for every new champion.
"""

import dataclasses
from typing import Any

from abtest.adapters import registry
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.deployment import digest
from abtest.experiment.record.experiment import DECIDED, Experiment
from abtest.experiment.record.selection import APPROVED, PENDING, REJECTED, Package
from abtest.experiment.record.variants import Variant

# What a package is made of; the new version is the same model with the same evidence.
COPIED = (
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "ModelMetrics",
    "DriftCheckBaselines",
    "MetadataProperties",
    "Domain",
    "Task",
    "SamplePayloadUrl",
)
FROM, IN = "PromotedFrom", "PromotedIn"  # metadata of a promoted package: the package and the experiment it won


class PromotionError(Exception):
    """Nothing can be promoted; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Promotion:
    """What became of it: `package` is the champion's new version; `change` is registered, or none if it was before."""

    variant_name: str
    experiment_id: str
    package: Package
    change: str


def winner(experiment: Experiment, config: ExperimentConfig, variant_name: str | None = None) -> Variant:
    """The experiment's winner, or the variant that a person names.

    Raises PromotionError if it cannot be promoted, also if the configuration names versions: build-endpoint would go on
    serving those.
    """
    name = variant_name or (experiment.leader if experiment.status == DECIDED else None)
    if name is None:
        raise PromotionError(
            f"nothing is decided in {experiment.experiment_id} (it is {experiment.status}): wait for a decision, "
            f"or choose by hand with --variant {' or '.join(experiment.variant_names)}"
        )
    found = next((variant for variant in experiment.variants if variant.variant_name == name), None)
    if found is None:
        raise PromotionError(
            f"{name} is no variant of {experiment.experiment_id}: it has {', '.join(experiment.variant_names)}"
        )
    if name in experiment.out:
        raise PromotionError(f"{name} is out ({experiment.out[name]}): abtest readmit {name} first, or let it be")
    if config.pinned:
        raise PromotionError(
            f"{config.pinned[0]}: the configuration names a version, which would go on being served; "
            "remove it and deploy the stage, then promote"
        )
    return found


def already(experiment: Experiment, chosen: Variant, group_name: str) -> Package | None:
    """The champion's version that an earlier promotion of the same variant made."""
    for package in registry.packages(group_name):
        if package.created_at < experiment.started_at:
            return None
        if _origin(package) == (chosen.model_package_arn, experiment.experiment_id):
            return package
    return None


def _origin(package: Package) -> tuple[str | None, str | None]:
    metadata = registry.describe(package.arn).get("CustomerMetadataProperties", {})
    return metadata.get(FROM), metadata.get(IN)


def promote(experiment: Experiment, chosen: Variant, config: ExperimentConfig, group_name: str) -> Promotion:
    """Registers the variant, as `winner` chose it, in the champion's group. Once: again changes nothing.

    Raises PromotionError.
    """
    before = already(experiment, chosen, group_name)
    if before:
        return Promotion(chosen.variant_name, experiment.experiment_id, before, "none")
    arn = registry.register(_request(experiment, chosen, config, group_name))
    made = next(package for package in registry.packages(group_name) if package.arn == arn)
    return Promotion(chosen.variant_name, experiment.experiment_id, made, "registered")


def promote_decided(table: ExperimentsTable, config: ExperimentConfig, group_name: str) -> tuple[str, str]:
    """Promotes the winner of what is decided now on the stage's endpoint.

    Returns the change, registered or none, and a sentence: what is registered, or why nothing is. A winner that must
    not be promoted, as somebody has rejected it, is no failure: that would come again with every event.
    """
    experiment = table.current(config.endpoint_name)
    if experiment is None or experiment.status != DECIDED:
        return "none", f"Nothing is decided on {config.endpoint_name}."
    try:
        done = promote(experiment, winner(experiment, config), config, group_name)
    except PromotionError as error:
        return "none", str(error)
    return done.change, f"{done.variant_name} of {done.experiment_id} is {done.package.arn}, {done.package.status}."


def _request(experiment: Experiment, chosen: Variant, config: ExperimentConfig, group_name: str) -> dict[str, Any]:
    package = registry.found(chosen.model_package_arn)
    if package is None:
        raise PromotionError(f"{chosen.variant_name} is deleted from the registry: register and approve another model")
    if package.get("ModelApprovalStatus") == REJECTED:
        raise PromotionError(f"{chosen.variant_name} is rejected in the registry: approve it first, or let it be")
    approver = config.promotion_approver
    note = f"{chosen.variant_name}, promoted from {experiment.experiment_id}"
    origin = {FROM: chosen.model_package_arn, IN: experiment.experiment_id}
    return {
        **{member: package[member] for member in COPIED if package.get(member)},
        "ModelPackageGroupName": group_name,
        "ModelApprovalStatus": APPROVED if approver else PENDING,
        "CustomerMetadataProperties": package.get("CustomerMetadataProperties", {})
        | origin
        | ({"ApprovedBy": approver} if approver else {}),
        # Two promotions at once make one version.
        "ClientToken": digest([note, chosen.model_package_arn], 32),
        "ModelPackageDescription": note,
    }
