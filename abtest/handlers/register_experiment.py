"""RegisterExperiment: what the endpoint serves is on trial: a new experiment, a changed one, or a past one again."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.function_environments import ExperimentEnvironment
from abtest.experiment.record.plan import Plan
from abtest.handlers.environment import logger, read
from abtest.operations import register


class Registered(TypedDict):
    """`change` is begun, changed, resumed or none."""

    experiment_id: str
    change: str


def handler(event: dict[str, Any], _context: Any) -> Registered:
    environment = read(ExperimentEnvironment)
    registration = register.register(
        ExperimentsTable(environment.experiments_table_name),
        Plan.from_json(event["experiment"]),
        environment.experiment_config,
        endpoint_config_name=event["endpoint_config_name"],
        execution=event["execution"],
        now=datetime.datetime.now(datetime.UTC),
    )
    logger.info("registered", experiment_id=registration.experiment_id, change=registration.change)
    return {"experiment_id": registration.experiment_id, "change": registration.change}
