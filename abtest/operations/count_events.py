"""Counts the events of an endpoint's running experiment, each once."""

import datetime

from abtest.adapters.counts_store import CountsStore
from abtest.adapters.event_store import EventStore
from abtest.adapters.event_stream import EventStream
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.counting.count import count
from abtest.experiment.counting.counts import Counts


def count_events(
    table: ExperimentsTable,
    stream: EventStream,
    events: EventStore,
    store: CountsStore,
    endpoint_name: str,
    *,
    as_of: datetime.datetime,
) -> tuple[Counts, str] | None:
    """Counts the running experiment's events up to `as_of`; None if no experiment runs.

    Returns the counts, and the key under which `store` has the experiment and them.
    Events that Firehose did not take when they happened are sent first; they are counted once they are in S3.
    """
    stream.replay_all()
    experiment = table.current(endpoint_name)
    if experiment is None:
        return None
    boundaries = store.boundaries(table, experiment)
    counts = count(
        events.table(experiment.started_at, datetime.datetime.now(datetime.UTC)),
        experiment_id=experiment.experiment_id,
        as_of=as_of,
        attribution_window_seconds=experiment.settings.attribution_window_seconds,
        user_period_seconds=experiment.settings.user_period_seconds,
        boundaries=[boundary.as_of for boundary in boundaries],
        shares=[*(boundary.old_shares for boundary in boundaries), experiment.shares],
    )
    return counts, store.put(experiment, counts)
