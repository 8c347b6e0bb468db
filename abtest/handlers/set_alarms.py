"""SetAlarms: each challenger that the endpoint serves now has its alarms, and nothing else of the endpoint has."""

from typing import Any, TypedDict

from abtest.adapters import alarms
from abtest.experiment.record.function_environments import AlarmEnvironment
from abtest.experiment.record.plan import Plan
from abtest.handlers.environment import logger, read


class AlarmsSet(TypedDict):
    """The names of the alarms that there are now."""

    alarms: list[str]


def handler(event: dict[str, Any], _context: Any) -> AlarmsSet:
    config, challengers = read(AlarmEnvironment).experiment_config, Plan.from_json(event["experiment"]).variants[1:]
    names: list[str] = []
    if config.canary:
        for variant in challengers:
            names += alarms.put(config.endpoint_name, variant.variant_name, config.canary)
    gone = alarms.keep_only(config.endpoint_name, names)
    logger.info("alarms are set", alarms=names, removed=gone)
    return {"alarms": names}
