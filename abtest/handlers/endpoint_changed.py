"""EndpointChanged: an endpoint of the project came into service or goes; one that takes part in tests is registered.

Events may come twice, late or in another order: what the endpoint is now decides.
"""

import datetime
from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.function_environments import ExperimentEnvironment
from abtest.handlers.environment import logger, read
from abtest.operations.adopt import Adopter


class Followed(TypedDict):
    """`change` is begun, resumed, changed, retired or none."""

    experiment_id: str | None
    change: str
    reason: str


def handler(event: dict[str, Any], context: Any) -> Followed:
    environment, name = read(ExperimentEnvironment), event["detail"]["EndpointName"]
    table = ExperimentsTable(environment.experiments_table_name)
    adopter = Adopter(table, environment.experiment_config, execution=context.aws_request_id)
    done = adopter.follow(name, datetime.datetime.now(datetime.UTC))
    logger.info(done.reason, endpoint_name=name, experiment_id=done.experiment_id, change=done.change)
    return {"experiment_id": done.experiment_id, "change": done.change, "reason": done.reason}
