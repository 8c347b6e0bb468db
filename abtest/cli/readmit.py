"""`abtest readmit`: a variant that an alarm took out serves its users again."""

import datetime
from typing import Annotated

import typer

from abtest.adapters import alarms, executions
from abtest.adapters.experiments_table import ExperimentsTable, StaleError
from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line
from abtest.cli.stage import stacks
from abtest.operations import take_out
from abtest.operations.take_out import BreakerError

VariantArgument = Annotated[
    str, typer.Argument(metavar="VARIANT", help="The variant's name, as `abtest status` shows it.")
]


def readmit(variant: VariantArgument, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Put back a variant that an alarm took out: its users get it again, and it begins as a canary."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    endpoint_name = found["EndpointName"]
    if standing := alarms.raised(endpoint_name, variant):
        raise UserError(f"{', '.join(standing)} still stands: wait for some minutes without traffic, then try again")
    table, now = ExperimentsTable(found["ExperimentsTableName"]), datetime.datetime.now(datetime.UTC)
    try:
        take_out.readmit(table, endpoint_name, variant, config, now=now)
    except BreakerError as error:
        raise UserError(str(error)) from None
    except StaleError as error:
        raise UserError(f"{error}: try again") from None
    started = executions.start(found["RebalanceStateMachineArn"], {"endpoint_name": endpoint_name})
    if as_json:
        print_json({"endpoint_name": endpoint_name, "variant_name": variant, "execution_arn": started})
        return
    print_line(f"{variant} is back: its users get it from now on; rebalance moves the endpoint's weights")
