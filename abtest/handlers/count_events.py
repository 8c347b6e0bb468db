"""CountEvents: the events of an endpoint's running experiment in S3, each counted once."""

from typing import Any, TypedDict

from abtest.adapters.assignments_table import AssignmentsTable
from abtest.adapters.counts_store import CountsStore
from abtest.adapters.event_store import EventStore
from abtest.adapters.event_stream import EventStream
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.counting.counts import Counts
from abtest.experiment.record import times
from abtest.experiment.record.function_environments import CountingEnvironment
from abtest.handlers.environment import read
from abtest.operations import count_events


class CountedEvents(TypedDict):
    """`evidence` is where the experiment, and its counts up to the time that the event asked for, lie."""

    running: bool
    message: str
    evidence: str


def handler(event: dict[str, Any], _context: Any) -> CountedEvents:
    environment, endpoint_name = read(CountingEnvironment), event["endpoint_name"]
    counted = count_events.count_events(
        ExperimentsTable(environment.experiments_table_name),
        EventStream(environment.delivery_stream_name, AssignmentsTable(environment.assignments_table_name)),
        EventStore(environment.bucket_name),
        CountsStore(environment.bucket_name),
        endpoint_name,
        as_of=times.from_text(event["as_of"]),
    )
    if counted is None:
        return {"running": False, "message": f"No experiment runs on {endpoint_name}.", "evidence": ""}
    counts, key = counted
    return {"running": True, "message": _summary(counts), "evidence": key}


def _summary(counts: Counts) -> str:
    closed = sum(variant.invocation_count for variant in counts.variants.values())
    until, malformed = times.to_text(counts.as_of), counts.malformed_line_count
    return f"Counted up to {until}. Invocations: {closed}; malformed lines: {malformed}."
