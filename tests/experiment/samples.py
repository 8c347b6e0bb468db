"""Events, counts and experiments to test with."""

import dataclasses
import datetime
from collections.abc import Iterable
from typing import Any, NamedTuple

from abtest.experiment.counting.count import count
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.event_table import EventTable, MalformedLine
from abtest.experiment.record.events import Conversion, Invocation
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.settings import ExperimentSettings
from abtest.experiment.record.variants import Shares, Variant, VariantCounts

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
EXPERIMENT = "reviews-dev-v1-1"
NAMES = ("Champion1", "Challenger1")
SETTINGS = ExperimentSettings(
    strategy="ThompsonSampling", mode="earn_first", warmup=0, attribution_window_seconds=0, time_limit_hours=None
)


def at(seconds: float) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


def invocation(inference_id: str, seconds: float = 0, **changes: Any) -> Invocation:
    """Of the user of the same name, on the champion."""
    variant = changes.get("endpoint_variant", "Champion1")
    given: dict[str, Any] = {
        "timestamp": at(seconds),
        "experiment_id": EXPERIMENT,
        "endpoint_name": "sagemaker-reviews-dev",
        "endpoint_variant": variant,
        "target_variant": variant,
        "strategy": "ThompsonSampling",
        "inference_id": inference_id,
        "user_id": inference_id,
        "decision_id": f"{EXPERIMENT}-d000000",
        "propensity": 0.5,
    }
    return Invocation(**given | changes)


def conversion(of: Invocation, seconds: float = 0, reward: float = 1.0, **changes: Any) -> Conversion:
    """`seconds` after the start."""
    return dataclasses.replace(Conversion.of(of, reward=reward, timestamp=at(seconds)), **changes)


def settings(**changes: Any) -> ExperimentSettings:
    return dataclasses.replace(SETTINGS, **changes)


def experiment(**changes: Any) -> Experiment:
    """`changes` are of its fields or of its settings."""
    names = changes.pop("names", NAMES)
    given: dict[str, Any] = {
        "experiment_id": EXPERIMENT,
        "endpoint_name": "sagemaker-reviews-dev",
        "project": "reviews",
        "stage": "dev",
        "champion_version": 1,
        "settings": settings(**{name: changes.pop(name) for name in [*changes] if hasattr(SETTINGS, name)}),
        "variants": tuple(Variant(name, f"arn:{name}", 1.0, START) for name in names),
        "shares": Shares(dict.fromkeys(names, 1 / len(names))),
        "started_at": START,
    }
    return Experiment(**given | changes)


def counts(outcomes: dict[str, tuple[int, float]], **changes: Any) -> Counts:
    """One interval, every user with a single invocation."""
    variants = {name: VariantCounts(n, int(s), s, user_count=n, user_mean_sum=s) for name, (n, s) in outcomes.items()}
    given: dict[str, Any] = {
        "experiment_id": EXPERIMENT,
        "as_of": at(1000),
        "variants": variants,
        "history": (Interval(at(1000), {0: outcomes}),),
        "shares": (dict.fromkeys(outcomes, 1 / max(len(outcomes), 1)),),
        "weighted_history": ({name: (float(n), s) for name, (n, s) in outcomes.items()},),
    }
    return Counts(**given | changes)


class Counted(NamedTuple):
    counts: Counts
    malformed: list[MalformedLine]


def count_events(lines: Iterable[str], **arguments: Any) -> Counted:
    """Of all lines at once; the arguments are those of `count`."""
    table, malformed = EventTable.of(lines)
    return Counted(count(table, **arguments), malformed)
