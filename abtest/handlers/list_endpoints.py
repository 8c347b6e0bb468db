"""ListEndpoints: the endpoints of the stage that rebalance looks after: its own, and those that were adopted."""

from typing import Any, TypedDict

from abtest.adapters import adopted_endpoints
from abtest.adapters.table import Table
from abtest.experiment.record.function_environments import EndpointEnvironment
from abtest.handlers.environment import read


class RebalanceInput(TypedDict):
    endpoint_name: str


class Listed(TypedDict):
    """`endpoints` are inputs of rebalance."""

    endpoints: list[RebalanceInput]


def handler(_event: dict[str, Any], _context: Any) -> Listed:
    environment = read(EndpointEnvironment)
    names = [environment.endpoint_name, *adopted_endpoints.live(Table(environment.experiments_table_name))]
    return {"endpoints": [{"endpoint_name": name} for name in names]}
