"""TakeOut: an alarm of a challenger rose, so it serves nobody any more; rebalance moves the endpoint's weights.

Events may come twice: a variant is taken out once.
"""

import datetime
from typing import Any, TypedDict

from abtest.adapters import alarms
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.function_environments import TakeOutEnvironment
from abtest.handlers.environment import logger, read
from abtest.operations import take_out


class TakenOut(TypedDict):
    """`taken_out` is false if it was out before."""

    variant_name: str
    taken_out: bool


def handler(event: dict[str, Any], _context: Any) -> TakenOut:
    environment, alarm = read(TakeOutEnvironment), event["detail"]
    variant_name = alarms.variant_of(alarm["alarmName"], environment.endpoint_name)
    taken_out = take_out.take_out(
        ExperimentsTable(environment.experiments_table_name),
        environment.endpoint_name,
        variant_name,
        f"{alarm['configuration']['description']}. {alarm['state']['reason']}",
        rebalance_arn=environment.rebalance_state_machine_arn,
        execution=event["id"],
        now=datetime.datetime.now(datetime.UTC),
    )
    logger.warning("a variant is out", variant_name=variant_name, alarm=alarm["alarmName"], taken_out=taken_out)
    return {"variant_name": variant_name, "taken_out": taken_out}
