"""SetAlarms: each challenger that the endpoint serves now has its alarms, and nothing else of the endpoint has."""

from typing import Any, TypedDict

from abtest.adapters import alarms
from abtest.experiment.record.plan import Plan
from abtest.handlers.settings import AlarmSettings, logger, read


class AlarmsSet(TypedDict):
    """The names of the alarms that there are now."""

    alarms: list[str]


def handler(event: dict[str, Any], _context: Any) -> AlarmsSet:
    settings = read(AlarmSettings)
    canary, challengers = settings.experiment_config.canary, Plan.from_json(event["experiment"]).variants[1:]
    names: list[str] = []
    if canary:
        for variant in challengers:
            names += alarms.put(settings.endpoint_name, variant.variant_name, canary)
    gone = alarms.keep_only(settings.endpoint_name, names)
    logger.info("alarms are set", alarms=names, removed=gone)
    return {"alarms": names}
