"""RegisterExperiment: what the endpoint serves is on trial: a new experiment, a changed one, or a past one again."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.releases import ReleasesTable
from abtest.experiment.record.plan import Plan
from abtest.handlers.settings import RegistrationSettings, logger, read
from abtest.operations.register import register


class Registered(TypedDict):
    """`change` is begun, changed, resumed or none."""

    experiment_id: str
    change: str


def handler(event: dict[str, Any], _context: Any) -> Registered:
    settings = read(RegistrationSettings)
    registration = register(
        ReleasesTable(settings.experiments_table_name),
        Plan.from_json(event["experiment"]),
        settings.experiment_config,
        endpoint_config_name=event["endpoint_config_name"],
        execution=event["execution"],
        now=datetime.datetime.now(datetime.UTC),
    )
    logger.info("registered", experiment_id=registration.experiment_id, change=registration.change)
    return {"experiment_id": registration.experiment_id, "change": registration.change}
