"""CleanUp: endpoint configs and models of earlier deployments go; what serves and the previous release stay."""

from typing import Any, TypedDict

from abtest.adapters.table import Table
from abtest.experiment.record.function_environments import EndpointEnvironment
from abtest.handlers.environment import logger, read
from abtest.operations import clean_up


class CleanedUp(TypedDict):
    """The names of what is gone."""

    deleted: list[str]


def handler(event: dict[str, Any], _context: Any) -> CleanedUp:
    environment = read(EndpointEnvironment)
    table = Table(environment.experiments_table_name)
    deleted = clean_up.clean_up(table, environment.endpoint_name, event["execution"])
    logger.info("cleaned up", deleted=deleted)
    return {"deleted": deleted}
