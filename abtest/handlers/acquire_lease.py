"""AcquireLease: one execution at a time may change the endpoint; asking again renews the lease."""

import time
from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.handlers.settings import LeaseSettings, read


class Acquired(TypedDict):
    acquired: bool


def handler(event: dict[str, Any], _context: Any) -> Acquired:
    settings = read(LeaseSettings)
    table = ExperimentsTable(settings.experiments_table_name)
    return {"acquired": table.ask_for_lease(settings.endpoint_name, event["execution"], time.time())}
