"""RegisterExperiment: what the endpoint serves now is on trial: a new experiment, or a change of the running one."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.plan import Plan
from abtest.adapters.registration import register
from abtest.handlers.settings import RegistrationSettings, read
from abtest.handlers.workflow import logger


class Registered(TypedDict):
    """`change` is begun, changed or none."""

    experiment_id: str
    change: str


def handler(event: dict[str, Any], _context: Any) -> Registered:
    settings = read(RegistrationSettings)
    registration = register(
        ExperimentsTable(settings.experiments_table_name),
        Plan.from_json(event["experiment"]),
        settings.experiment_config,
        execution=event["execution"],
        now=datetime.datetime.now(datetime.UTC),
    )
    logger.info("registered", experiment_id=registration.experiment_id, change=registration.change)
    return {"experiment_id": registration.experiment_id, "change": registration.change}
