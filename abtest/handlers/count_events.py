"""CountEvents: the running experiment's events in S3, each counted once."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.event_store import EventStore
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment import times
from abtest.experiment.counts import Counts, count_events
from abtest.experiment.experiment import Experiment
from abtest.handlers.settings import CountingSettings, read
from abtest.handlers.workflow import logger, packed


class CountedEvents(TypedDict):
    """`evidence` is packed: the experiment, and its counts up to the time that the event asked for."""

    running: bool
    message: str
    evidence: str


def handler(event: dict[str, Any], _context: Any) -> CountedEvents:
    settings = read(CountingSettings)
    experiment = ExperimentsTable(settings.experiments_table_name).current(settings.endpoint_name)
    if experiment is None:
        return {"running": False, "message": f"No experiment runs on {settings.endpoint_name}.", "evidence": ""}
    counts = _count(EventStore(settings.bucket_name), experiment, times.from_text(event["as_of"]))
    evidence = packed({"experiment": experiment.to_json(), "counts": counts.to_json()})
    return {"running": True, "message": _summary(counts), "evidence": evidence}


def _count(store: EventStore, experiment: Experiment, as_of: datetime.datetime) -> Counts:
    stored = store.read(experiment.started_at)
    counted = count_events(
        (line for item in stored for line in item.lines),
        experiment_id=experiment.experiment_id,
        as_of=as_of,
        attribution_window_seconds=experiment.attribution_window_seconds,
        boundaries=experiment.as_of,
    )
    if counted.malformed:
        new = store.quarantine(stored, counted.malformed)
        logger.warning("malformed lines are in quarantine", lines=len(counted.malformed), new_objects=new)
    return counted.counts


def _summary(counts: Counts) -> str:
    closed = sum(variant.invocation_count for variant in counts.variants.values())
    until, malformed = times.to_text(counts.as_of), counts.malformed_line_count
    return f"{closed} invocations counted up to {until}; {malformed} malformed lines."
