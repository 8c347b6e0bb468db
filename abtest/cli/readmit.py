"""`abtest readmit`: a variant that an alarm took out serves its users again."""

import datetime
from typing import Annotated

import typer

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.cli.shown.output import JsonOption, StageOption, print_json, print_line, refusals
from abtest.cli.stage import stacks
from abtest.operations import take_out
from abtest.operations.take_out import TakeOutError

VariantArgument = Annotated[
    str, typer.Argument(metavar="VARIANT", help="The variant's name, as `abtest status` shows it.")
]


def readmit(variant: VariantArgument, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Put back a variant that an alarm took out: its users get it again, and it begins as a canary."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    table, now = ExperimentsTable(found["ExperimentsTableName"]), datetime.datetime.now(datetime.UTC)
    with refusals(TakeOutError, StaleError):
        started = take_out.readmit(table, variant, config, rebalance_arn=found["RebalanceStateMachineArn"], now=now)
    if as_json:
        print_json({"endpoint_name": config.endpoint_name, "variant_name": variant, "execution_arn": started})
        return
    print_line(f"{variant} is back: its users get it from now on; rebalance moves the endpoint's weights")
