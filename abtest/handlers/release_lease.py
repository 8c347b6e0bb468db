"""ReleaseLease: the next execution in the queue may go on."""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.handlers.settings import LeaseSettings, read


class Released(TypedDict):
    released: bool


def handler(event: dict[str, Any], _context: Any) -> Released:
    settings = read(LeaseSettings)
    ExperimentsTable(settings.experiments_table_name).release_lease(settings.endpoint_name, event["execution"])
    return {"released": True}
