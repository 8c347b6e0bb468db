"""CountEvents: the events of an endpoint's running experiment in S3, each counted once.

Events that Firehose did not take when they happened are sent now; they are counted once they are in S3.
"""

import datetime
import itertools
from collections.abc import Sequence
from typing import Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from abtest.adapters.assignments_table import AssignmentsTable
from abtest.adapters.counts_store import Evidence
from abtest.adapters.event_store import EventStore
from abtest.adapters.event_stream import EventStream
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.counting.count import count
from abtest.experiment.counting.counts import Counts
from abtest.experiment.record import times
from abtest.experiment.record.experiment import Experiment
from abtest.handlers.settings import CountingSettings, logger, read

MOST_REPLAYS = 400  # of 25 events each; more are left to the next run


class CountedEvents(TypedDict):
    """`evidence` is where the experiment, and its counts up to the time that the event asked for, lie."""

    running: bool
    message: str
    evidence: str


def handler(event: dict[str, Any], _context: Any) -> CountedEvents:
    settings, endpoint_name = read(CountingSettings), event["endpoint_name"]
    _replay(EventStream(settings.delivery_stream_name, AssignmentsTable(settings.assignments_table_name)))
    table, evidence = ExperimentsTable(settings.experiments_table_name), Evidence(settings.bucket_name)
    experiment = table.current(endpoint_name)
    if experiment is None:
        return {"running": False, "message": f"No experiment runs on {endpoint_name}.", "evidence": ""}
    boundaries = evidence.boundaries(table, experiment)
    counts = _count(EventStore(settings.bucket_name), experiment, boundaries, times.from_text(event["as_of"]))
    return {"running": True, "message": _summary(counts), "evidence": evidence.put(experiment, counts)}


def _replay(stream: EventStream) -> None:
    """Sends parked events. That this fails must not keep the others from being counted."""
    try:
        sent = sum(itertools.takewhile(bool, (stream.replay() for _ in range(MOST_REPLAYS))))
    except (ClientError, BotoCoreError):
        logger.exception("parked events could not be sent")
    else:
        logger.info("parked events were sent", events=sent)


def _count(
    store: EventStore, experiment: Experiment, boundaries: Sequence[datetime.datetime], as_of: datetime.datetime
) -> Counts:
    return count(
        store.table(experiment.started_at, datetime.datetime.now(datetime.UTC)),
        experiment_id=experiment.experiment_id,
        as_of=as_of,
        attribution_window_seconds=experiment.settings.attribution_window_seconds,
        boundaries=boundaries,
    )


def _summary(counts: Counts) -> str:
    closed = sum(variant.invocation_count for variant in counts.variants.values())
    until, malformed = times.to_text(counts.as_of), counts.malformed_line_count
    return f"Counted up to {until}. Invocations: {closed}; malformed lines: {malformed}."
