"""Which model packages to serve: the configuration's choice among those that are approved."""

import dataclasses
import datetime
from collections.abc import Iterable, Sequence

from abtest.experiment.record.config import ExperimentConfig, VariantConfig

APPROVED = "Approved"


REJECTED = "Rejected"


PENDING = "PendingManualApproval"


class SelectionError(Exception):
    """The configuration asks for packages that cannot be served; the message names them and the remedy."""


@dataclasses.dataclass(frozen=True)
class Package:
    """One version of a model package group; `status` is its approval status."""

    arn: str
    group_name: str
    version: int
    status: str
    created_at: datetime.datetime


@dataclasses.dataclass(frozen=True)
class SelectedVariant:
    """A package to serve, and how: the instances, and the weight relative to the other variants'."""

    variant_name: str
    package: Package
    instance_type: str
    instance_count: int
    initial_weight: float
    cost: float


@dataclasses.dataclass(frozen=True)
class Selection:
    """What the endpoint should serve: the champion and its challengers, in the order of the configuration."""

    champion: SelectedVariant
    challengers: tuple[SelectedVariant, ...]

    @property
    def variants(self) -> tuple[SelectedVariant, ...]:
        return (self.champion, *self.challengers)


def age(package: Package) -> tuple[datetime.datetime, int]:
    return package.created_at, package.version


def select(champions: Iterable[Package], challengers: Iterable[Package], config: ExperimentConfig) -> Selection | None:
    """The newest approved champion and the newest approved challengers made after it, or those that `config` names.

    Each entry of `challenger_variant_config` is one challenger; defaults fill up to `challenger_variant_count`.
    None if no champion is approved. Raises SelectionError.
    """
    approved = sorted((p for p in champions if p.status == APPROVED), key=age, reverse=True)
    wanted = config.champion_variant_config
    if not approved and wanted.model_package_version is None:
        return None
    chosen = _named(approved, wanted, "champion_variant_config") or approved[0]
    champion = _variant("Champion", chosen, wanted, config)
    rivals = sorted((p for p in challengers if p.status == APPROVED), key=age, reverse=True)
    selection = Selection(champion, tuple(_challengers(rivals, champion.package, config)))
    names = [variant.variant_name for variant in selection.variants]
    if len(set(names)) < len(names):
        raise SelectionError(f"Two variants would be named alike ({', '.join(names)}): change variant_name.")
    return selection


def _challengers(approved: Sequence[Package], champion: Package, config: ExperimentConfig) -> Iterable[SelectedVariant]:
    missing = config.challenger_variant_count - len(config.challenger_variant_config)
    slots = [*config.challenger_variant_config, *[VariantConfig()] * missing]
    named = [_named(approved, slot, f"challenger_variant_config[{index}]") for index, slot in enumerate(slots)]
    newest = iter([p for p in approved if p.created_at > champion.created_at and p not in named])
    for slot, package in zip(slots, named, strict=True):
        chosen = package or next(newest, None)
        if chosen:
            yield _variant("Challenger", chosen, slot, config)


def _named(approved: Sequence[Package], wanted: VariantConfig, key: str) -> Package | None:
    """The package of the version that the configuration names under `key`; None if it names none."""
    version = wanted.model_package_version
    if version is None:
        return None
    found = next((package for package in approved if package.version == version), None)
    if found is None:
        versions = ", ".join(str(package.version) for package in approved) or "none"
        raise SelectionError(
            f"{key}.model_package_version: version {version} is not an approved model package (approved: {versions}); "
            "approve it, or name another version"
        )
    return found


def _variant(role: str, package: Package, wanted: VariantConfig, config: ExperimentConfig) -> SelectedVariant:
    return SelectedVariant(
        variant_name=wanted.variant_name or f"{role}{package.version}",
        package=package,
        instance_type=wanted.instance_type or config.instance_type,
        instance_count=wanted.instance_count or config.instance_count,
        initial_weight=wanted.initial_variant_weight,
        cost=wanted.cost,
    )
