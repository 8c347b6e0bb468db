"""`abtest rollback`: back to what the endpoint served before."""

from collections.abc import Mapping
from typing import Any

import typer

from abtest.adapters.table import StaleError, Table
from abtest.cli.models import GROUPS
from abtest.cli.shown.output import JsonOption, StageOption, UserError, YesOption, print_json, print_line, refusals, say
from abtest.cli.stage import stacks
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.release import Release
from abtest.operations import roll_back
from abtest.operations.roll_back import Rollback, RollbackError

MEANWHILE = "the release or the registry changed meanwhile, and nothing was rejected: roll back again"


def rollback(stage: StageOption = "dev", yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Go back to the previous release: reject the models that it did not serve, and go on with its experiment."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    table = Table(found["ExperimentsTableName"])
    back = planned(table, found, config)
    for line in lines(back, config.endpoint_name):
        say(line)
    if not yes:
        typer.confirm("Roll back?", abort=True, err=True)
        if planned(table, found, config) != back:
            raise UserError(MEANWHILE)
    try:
        started = roll_back.roll_back(table, back, config.endpoint_name, found["BuildEndpointStateMachineArn"])
    except StaleError:
        raise UserError(MEANWHILE) from None
    print_json(document(back, started)) if as_json else print_line(f"build-endpoint is started: {started}")


def planned(table: Table, found: Mapping[str, str], config: ExperimentConfig) -> Rollback:
    """Returns the way back as things are now. Raises UserError if there is none."""
    with refusals(RollbackError):
        return roll_back.plan(table, config, {role: found[key] for role, key in GROUPS.items()})


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
