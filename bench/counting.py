"""Measures what a rebalance spends on counting as events grow: an event is parsed once, and counted each time."""

import datetime
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from abtest.experiment.counting.columns import to_milliseconds
from abtest.experiment.counting.count import count
from abtest.experiment.counting.event_table import CONVERSION, INVOCATION, Draw, EventTable
from abtest.experiment.record.events import Invocation

EVENTS = (10_000, 100_000, 1_000_000, 10_000_000)
NEW = 1000
RATE = 0.05
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
QUARTER = datetime.timedelta(minutes=15)
DAYS = 365
DRAWN = {"variant": "Champion1", "strategy": "ThompsonSampling", "decision_id": "e-d000000", "propensity": 0.5}
DRAWS = (Draw("e"), Draw("e", **DRAWN), Draw("e", **DRAWN | {"variant": "Challenger1"}))  # type: ignore[arg-type]


def day_of(day: int, events: int) -> bytes:
    """Makes a checkpoint of that many events of a day, of two variants; a user has three invocations."""
    source = np.random.default_rng(day)
    trials = math.ceil(events / (1 + RATE))
    invocations = np.zeros(trials, INVOCATION)
    invocations["id"] = source.integers(0, 2**64, trials, dtype=np.uint64)
    invocations["user"] = source.integers(0, trials // 3 + 1, trials).astype(np.uint64) * np.uint64(2**40) + np.uint64(
        day
    )
    invocations["at"] = to_milliseconds(START) + day * 86_400_000 + source.integers(0, 86_400_000, trials)
    invocations["draw"] = source.integers(1, 3, trials)
    conversions = np.zeros(events - trials, CONVERSION)
    of = source.choice(trials, events - trials, replace=False)
    for name in ("id", "user"):
        conversions[name] = invocations[name][of]
    conversions["at"], conversions["reward"] = invocations["at"][of] + 60_000, 1.0
    return EventTable.merged([EventTable(DRAWS, invocations, conversions)]).to_bytes()


def new_lines() -> list[str]:
    """Makes the events of the last quarter of an hour."""
    at = START + DAYS * datetime.timedelta(days=1) - QUARTER / 2
    shared: dict[str, Any] = {"experiment_id": "e", "endpoint_name": "sagemaker-e", "timestamp": at}
    shared |= {"endpoint_variant": "Champion1", "target_variant": "Champion1", "strategy": "ThompsonSampling"}
    return [Invocation(**shared, inference_id=f"i{n}", user_id=f"u{n}").to_line() for n in range(NEW)]


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """Returns seconds of a processor, so that what else runs makes no difference."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def run(days: list[bytes], lines: list[str]) -> Any:
    """Does what CountEvents does between what it gets from S3 and its counts."""
    tables = [EventTable.from_bytes(day)[0] for day in days]
    merged = EventTable.merged([*tables, EventTable.of(lines)[0]])
    boundaries = [START + number * QUARTER for number in range(1, DAYS * 96)]
    arguments = {"experiment_id": "e", "attribution_window_seconds": 86_400, "boundaries": boundaries}
    return count(merged, as_of=START + datetime.timedelta(days=DAYS), **arguments)  # type: ignore[arg-type]


def measure() -> list[dict[str, Any]]:
    """Returns a row for each of EVENTS, spread over a year with a Decision each quarter of an hour."""
    lines = new_lines()
    parsing, _ = seconds(lambda: EventTable.of(lines))
    rows = []
    for events in EVENTS:
        days = [day_of(day, events // DAYS) for day in range(DAYS)]
        taken, _ = seconds(lambda days=days: run(days, lines))  # type: ignore[misc]
        megabytes = sum(map(len, days)) / 1e6
        rows.append({"events": events, "seconds": taken, "megabytes": megabytes, "parsing": events * parsing / NEW})
    return rows
