"""`abtest rollback`: back to what the endpoint served before."""

from collections.abc import Mapping
from typing import Any

import typer

from abtest.adapters import executions, registry
from abtest.adapters.experiments_table import StaleError
from abtest.adapters.releases import ReleasesTable
from abtest.cli.models import GROUPS
from abtest.cli.shown.output import JsonOption, StageOption, UserError, YesOption, print_json, print_line, refusals, say
from abtest.cli.stage import stacks
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.release import Release, Releases
from abtest.operations import roll_back
from abtest.operations.roll_back import Rollback, RollbackError

MEANWHILE = "the release or the registry changed meanwhile, and nothing was rejected: roll back again"


def rollback(stage: StageOption = "dev", yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Go back to the previous release: reject the models that it did not serve, and go on with its experiment."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    table = ReleasesTable(found["ExperimentsTableName"])
    releases, back = planned(table, found, config)
    for line in lines(back, config.endpoint_name):
        say(line)
    if not yes:
        typer.confirm("Roll back?", abort=True, err=True)
        if planned(table, found, config) != (releases, back):
            raise UserError(MEANWHILE)
    try:
        roll_back.roll_back(table, releases, back, config.endpoint_name)
    except StaleError:
        raise UserError(MEANWHILE) from None
    started = executions.start(found["BuildEndpointStateMachineArn"], {})
    print_json(document(back, started)) if as_json else print_line(f"build-endpoint is started: {started}")


def planned(table: ReleasesTable, found: Mapping[str, str], config: ExperimentConfig) -> tuple[Releases, Rollback]:
    """Returns the releases on record and the way back that the registry allows. Raises UserError if there is none."""
    releases = table.releases(config.endpoint_name)
    groups = {role: registry.packages(found[key]) for role, key in GROUPS.items()}
    with refusals(RollbackError):
        return releases, roll_back.planned(releases, groups, config)


def lines(back: Rollback, endpoint_name: str) -> list[str]:
    """Returns what the rollback will do."""
    rejected = ", ".join(package.arn for package in back.rejected) or "nothing: that is done already"
    goes_on = f"{back.resumed} is resumed" if back.resumed else f"{back.leaving.experiment_id} goes on"
    return [
        f"{endpoint_name} goes back from {named(back.leaving)} to {named(back.target)}",
        f"to reject: {rejected}",
        f"the experiment {goes_on}, with its counts and its users' variants",
    ]


def named(release: Release) -> str:
    return f"{', '.join(release.packages)} ({release.experiment_id})"


def document(back: Rollback, execution_arn: str) -> dict[str, Any]:
    return {
        "from": back.leaving.to_json(),
        "to": back.target.to_json(),
        "rejected": [package.arn for package in back.rejected],
        "execution_arn": execution_arn,
    }
