"""ListEndpoints: the endpoints of the stage that rebalance looks after: its own, and those that were adopted."""

from typing import Any, TypedDict

from abtest.adapters.adopted_endpoints import AdoptedEndpoints
from abtest.handlers.settings import ListingSettings, read


class RebalanceInput(TypedDict):
    endpoint_name: str


class Listed(TypedDict):
    """`endpoints` are inputs of rebalance."""

    endpoints: list[RebalanceInput]


def handler(_event: dict[str, Any], _context: Any) -> Listed:
    settings = read(ListingSettings)
    names = [settings.endpoint_name, *AdoptedEndpoints(settings.experiments_table_name).live()]
    return {"endpoints": [{"endpoint_name": name} for name in names]}
