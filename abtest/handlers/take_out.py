"""TakeOut: an alarm of a challenger rose, so it serves nobody any more; rebalance moves the endpoint's weights.

Events may come twice: a variant is taken out once. The weights are seen to each time, in case the first try died.
"""

import datetime
from typing import Any, TypedDict

from abtest.adapters import alarms, executions
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.handlers.settings import BreakerSettings, logger, read
from abtest.operations import take_out as breaker


class TakenOut(TypedDict):
    """`taken_out` is false if it was out before."""

    variant_name: str
    taken_out: bool


def handler(event: dict[str, Any], _context: Any) -> TakenOut:
    settings, alarm = read(BreakerSettings), event["detail"]
    variant_name = alarms.variant_of(alarm["alarmName"], settings.endpoint_name)
    taken_out = breaker.take_out(
        ExperimentsTable(settings.experiments_table_name),
        settings.endpoint_name,
        variant_name,
        f"{alarm['configuration']['description']}. {alarm['state']['reason']}",
        execution=event["id"],
        now=datetime.datetime.now(datetime.UTC),
    )
    executions.start(settings.rebalance_state_machine_arn, {"endpoint_name": settings.endpoint_name})
    logger.warning("a variant is out", variant_name=variant_name, alarm=alarm["alarmName"], taken_out=taken_out)
    return {"variant_name": variant_name, "taken_out": taken_out}
