"""ReleaseLease: the next execution in the queue may go on."""

from typing import Any, TypedDict

from abtest.adapters.table import Table
from abtest.experiment.record.function_environments import EndpointEnvironment
from abtest.handlers.environment import read
from abtest.operations import hold_lease


class Released(TypedDict):
    released: bool


def handler(event: dict[str, Any], _context: Any) -> Released:
    environment = read(EndpointEnvironment)
    hold_lease.release(Table(environment.experiments_table_name), environment.endpoint_name, event["execution"])
    return {"released": True}
