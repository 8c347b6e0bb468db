"""The way back to the previous release: what has to be rejected so that build-endpoint selects it again.

build-endpoint serves what the registry says. An endpoint that was only updated to an older config would be brought
forward again by the next approval, so a rollback changes the registry, and build-endpoint does the rest.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from abtest.adapters import executions, registry, releases
from abtest.adapters.table import Table
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.deployment import plan_of
from abtest.experiment.record.release import Release, Releases
from abtest.experiment.record.selection import APPROVED, REJECTED, Package, SelectionError, select

Groups = Mapping[str, Sequence[Package]]  # the packages of each group, by role: champion, challenger


class RollbackError(Exception):
    """There is no way back; the message says why and what to do. Nothing was changed."""


@dataclasses.dataclass(frozen=True)
class Rollback:
    """From one release to another. `rejected` are the packages that are still to be rejected for it.

    `known` is what was on record when it was planned.
    """

    known: Releases
    leaving: Release
    target: Release
    rejected: tuple[Package, ...]

    @property
    def resumed(self) -> str | None:
        """The id of the past experiment that goes on then; None if the running one does."""
        return None if self.target.experiment_id == self.leaving.experiment_id else self.target.experiment_id


def plan(table: Table, config: ExperimentConfig, group_names: Mapping[str, str]) -> Rollback:
    """The way back by what is on record and in the registry now; `group_names` are by role, champion and challenger.

    Raises RollbackError where there is no way back.
    """
    groups = {role: registry.packages(name) for role, name in group_names.items()}
    return planned(releases.get(table, config.endpoint_name), groups, config)


def planned(known: Releases, groups: Groups, config: ExperimentConfig) -> Rollback:
    """The way back. Raises RollbackError where there is none."""
    if known.current is None or known.previous is None:
        served = ", ".join(known.current.packages) if known.current else "nothing"
        raise RollbackError(
            f"{config.endpoint_name} serves {served}, and no other release is on record: there is nothing to go back "
            "to; abtest models approve puts another model on trial"
        )
    if config.pinned:
        raise RollbackError(
            f"{config.pinned[0]}: the configuration names a version, which would go on being served; "
            "name the earlier one, or remove the key, and deploy the stage"
        )
    leaving, target = known.current, known.previous
    _refuse_unapproved(target, groups)
    _refuse_nothing_to_leave(leaving, target, groups)
    leaves = set(leaving.packages.values()) - set(target.packages.values())
    rejected = [p for packages in groups.values() for p in packages if p.arn in leaves and p.status == APPROVED]
    _refuse_other_selection(target, _without(groups, rejected), config)
    return Rollback(known, leaving, target, tuple(rejected))


def roll_back(table: Table, back: Rollback, endpoint_name: str, build_endpoint_arn: str) -> str:
    """Marks the experiment to resume, rejects, and starts build-endpoint. It can be repeated.

    Returns the ARN of the execution. Raises StaleError, before anything is rejected, if another release was deployed
    meanwhile.
    """
    if writes := releases.put(endpoint_name, back.known, back.known.wanting(back.resumed)):
        table.transact(writes)
    note = f"Rolled back from {back.leaving.endpoint_config_name} to {back.target.endpoint_config_name}."
    for package in back.rejected:
        registry.set_status(package.arn, REJECTED, note)
    return executions.start(build_endpoint_arn, {})


def _refuse_unapproved(target: Release, groups: Groups) -> None:
    names = _names(groups)
    status = {package.arn: package.status for packages in groups.values() for package in packages}
    for variant_name, arn in target.packages.items():
        if arn not in status:
            raise RollbackError(
                f"{arn}, which the previous release served as {variant_name}, is deleted from the registry: "
                "register and approve another model"
            )
        if status[arn] != APPROVED:
            raise RollbackError(
                f"{names[arn]}, which the previous release served as {variant_name}, is {status[arn]}: "
                f"abtest models approve {names[arn]} puts it on the endpoint again"
            )


def _refuse_nothing_to_leave(leaving: Release, target: Release, groups: Groups) -> None:
    """A release that only lacks packages needs no rejection; and a rollback of a rollback would never end."""
    served = set(leaving.packages.values())
    lacking = [arn for arn in target.packages.values() if arn not in served]
    if served < set(target.packages.values()):
        name = _names(groups)[lacking[0]]
        raise RollbackError(
            f"the previous release served the same and {name}, which is approved: nothing has to be rejected, and "
            f"abtest models approve {name} starts build-endpoint, which puts it on the endpoint again"
        )


def _refuse_other_selection(target: Release, groups: Groups, config: ExperimentConfig) -> None:
    """Raises RollbackError unless build-endpoint would select exactly the target's packages."""
    try:
        selection = select(groups["champion"], groups["challenger"], config)
    except SelectionError as error:
        raise RollbackError(str(error)) from None
    selected = plan_of(selection).packages if selection else {}
    names = _names(groups)
    for variant_name, arn in selected.items():
        if arn not in target.packages.values():
            raise RollbackError(
                f"build-endpoint would serve {names[arn]} as {variant_name}, which the previous release did not serve: "
                f"abtest models reject {names[arn]}, then roll back"
            )
    for variant_name, arn in target.packages.items():
        if selected.get(variant_name) != arn:
            raise RollbackError(
                f"the configuration has no place for {names[arn]} as {variant_name}, which the previous release "
                "served: set challenger_variant_count and variant_name as they were, deploy the stage, then roll back"
            )


def _without(groups: Groups, rejected: Sequence[Package]) -> Groups:
    """The packages as they will be."""
    return {
        role: [dataclasses.replace(p, status=REJECTED) if p in rejected else p for p in packages]
        for role, packages in groups.items()
    }


def _names(groups: Groups) -> dict[str, str]:
    """What people call the packages, champion/3, by their ARN."""
    return {package.arn: f"{role}/{package.version}" for role, packages in groups.items() for package in packages}
