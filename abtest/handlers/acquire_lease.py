"""AcquireLease: one execution at a time may change the endpoint; asking again renews the lease."""

import time
from typing import Any, TypedDict

from abtest.adapters.table import Table
from abtest.experiment.record.function_environments import EndpointEnvironment
from abtest.handlers.environment import read
from abtest.operations import hold_lease


class Acquired(TypedDict):
    acquired: bool


def handler(event: dict[str, Any], _context: Any) -> Acquired:
    environment = read(EndpointEnvironment)
    table = Table(environment.experiments_table_name)
    return {"acquired": hold_lease.ask(table, environment.endpoint_name, event["execution"], time.time())}
