"""Events to counts: a pure function of the set of events, `as_of` and the earlier Decisions' `as_of`.

An invocation's cohort is closed once its attribution window is over (`timestamp + window <= as_of`); trial and
reward enter together then. Reward counts if it came within the window. A window of 0 means that there is none: an
invocation is closed as soon as it is counted, and its reward counts whenever it comes.

Duplicates count once (the earliest is kept), in any order. Traffic that was not randomised is counted apart.
"""

import bisect
import collections
import dataclasses
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from abtest.experiment import columns, new_users, times
from abtest.experiment.columns import Cell
from abtest.experiment.delays import delays_of, weighted_cells
from abtest.experiment.events import Conversion
from abtest.experiment.new_users import NewUsers
from abtest.experiment.trials import MalformedLine, Trial, distinct_events, first_by_user, trials_of
from abtest.experiment.variants import VariantCounts

Trials: TypeAlias = tuple[int, float]  # trials and the sum of their rewards


@dataclasses.dataclass(frozen=True)
class Interval:
    """What closed between two Decisions, by variant.

    `first_outcomes` holds one randomised trial per user, the first, with the reward known at `ended_at` and never
    changed later, as the always-valid test demands.
    """

    ended_at: datetime.datetime
    first_outcomes: Mapping[str, Trials]


def _to_json(history: Sequence[Interval]) -> dict[str, Any]:
    return {
        "ended_at": columns.to_steps(interval.ended_at for interval in history),
        "first_outcomes": columns.to_columns([interval.first_outcomes for interval in history]),
    }


def _from_json(document: Mapping[str, Any]) -> tuple[Interval, ...]:
    ends = columns.from_steps(document["ended_at"])
    first = columns.from_columns(document["first_outcomes"], len(ends))
    return tuple(Interval(end, _whole(users)) for end, users in zip(ends, first, strict=True))


def _whole(cells: Mapping[str, Cell]) -> dict[str, Trials]:
    return {name: (int(trials), reward) for name, (trials, reward) in cells.items()}


@dataclasses.dataclass(frozen=True)
class Counts:
    """What an experiment's events come to at `as_of`.

    `variants` holds every variant that served randomised traffic; `history` has an interval per earlier Decision and
    one up to `as_of`; `new_users` says whom each Decision's shares assigned; `apart` counts invocations by strategy
    where nobody drew the variant (Manual, Fallback).
    """

    experiment_id: str
    as_of: datetime.datetime
    variants: Mapping[str, VariantCounts]
    history: tuple[Interval, ...]
    new_users: tuple[NewUsers, ...] = ()
    apart: Mapping[str, int] = dataclasses.field(default_factory=dict)
    late_conversion_count: int = 0
    orphan_conversion_count: int = 0
    malformed_line_count: int = 0
    reward_out_of_range_count: int = 0  # of the malformed lines, those refused for their reward
    foreign_event_count: int = 0
    weighted_history: tuple[Mapping[str, Cell], ...] = ()

    def of(self, variant_name: str) -> VariantCounts:
        """Zeros for a variant that served nobody yet."""
        return self.variants.get(variant_name, VariantCounts())

    def to_json(self) -> dict[str, Any]:
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return document | {
            "as_of": times.to_text(self.as_of),
            "variants": {name: counts.to_json() for name, counts in self.variants.items()},
            "history": _to_json(self.history),
            "weighted_history": columns.to_columns(self.weighted_history),
            "new_users": new_users.to_json(self.new_users),
            "apart": dict(self.apart),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Counts":
        known = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
        known["as_of"] = times.from_text(known["as_of"])
        known["variants"] = {name: VariantCounts.from_json(item) for name, item in known["variants"].items()}
        known["history"] = _from_json(known["history"])
        known["weighted_history"] = tuple(columns.from_columns(known["weighted_history"], len(known["history"])))
        known["new_users"] = new_users.from_json(known.get("new_users", {}))
        return cls(**known)


@dataclasses.dataclass(frozen=True)
class Counted:
    """The counts, and what was kept aside: lines that are no events, and conversions whose invocation is not there."""

    counts: Counts
    malformed: tuple[MalformedLine, ...]
    orphans: tuple[Conversion, ...]


def count_events(
    lines: Iterable[str],
    *,
    experiment_id: str,
    as_of: datetime.datetime,
    attribution_window_seconds: int,
    boundaries: Iterable[datetime.datetime] = (),
) -> Counted:
    """The counts of `experiment_id` at `as_of`.

    `lines` are the experiment's events (others' are counted as foreign), `boundaries` the `as_of` of its earlier
    Decisions; later events and boundaries do not count. Raises nothing for a wrong line.
    """
    window = datetime.timedelta(seconds=attribution_window_seconds)
    read = distinct_events(lines, experiment_id, as_of)
    trials, orphans = trials_of(read.events, window)
    randomised = [trial for trial in trials if trial.invocation.randomised]
    first = first_by_user(randomised)
    groups, first_groups = _by_variant(randomised), _by_variant(first)
    ends = [*sorted({boundary for boundary in boundaries if boundary < as_of}), as_of]
    counts = Counts(
        experiment_id=experiment_id,
        as_of=as_of,
        variants={name: _variant_counts(own, first_groups.get(name, ()), ends) for name, own in groups.items()},
        history=_history(first, ends),
        new_users=new_users.new_users(first),
        apart=_apart(trials),
        late_conversion_count=sum(trial.is_late for trial in trials),
        orphan_conversion_count=len(orphans),
        malformed_line_count=len(read.malformed),
        reward_out_of_range_count=sum(line.problem.startswith("reward:") for line in read.malformed),
        foreign_event_count=read.foreign_count,
        weighted_history=_weighted_history(groups, ends),
    )
    return Counted(counts, read.malformed, tuple(orphans))


def _apart(trials: Iterable[Trial]) -> dict[str, int]:
    strategies = sorted(trial.invocation.strategy for trial in trials if not trial.invocation.randomised)
    return dict(collections.Counter(strategies))


def _by_variant(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.variant, []).append(trial)
    return dict(sorted(groups.items()))


def _end_of(trial: Trial, ends: Sequence[datetime.datetime]) -> datetime.datetime | None:
    """The end of the interval in which the trial closed; None while it is pending."""
    index = bisect.bisect_left(ends, trial.closed_at)
    return ends[index] if index < len(ends) else None


def _history(first: Iterable[Trial], ends: Sequence[datetime.datetime]) -> tuple[Interval, ...]:
    """First outcomes by the end of the interval in which they closed, and by variant."""
    groups: dict[datetime.datetime, dict[str, list[float]]] = {}
    for trial in sorted(first, key=lambda trial: trial.variant):
        end = _end_of(trial, ends)
        if end is not None:
            groups.setdefault(end, {}).setdefault(trial.variant, []).append(trial.reward(end))
    return tuple(
        Interval(end, {name: (len(earned), math.fsum(earned)) for name, earned in groups.get(end, {}).items()})
        for end in ends
    )


def _weighted_history(
    groups: Mapping[str, Sequence[Trial]], ends: Sequence[datetime.datetime]
) -> tuple[dict[str, Cell], ...]:
    closed = [trial for group in groups.values() for trial in group if trial.closed_at <= ends[-1]]
    delays = delays_of(closed) if len(closed) < sum(map(len, groups.values())) else None
    cells = {name: weighted_cells(group, ends, delays) for name, group in groups.items()}
    return tuple({name: cells[name][index] for name in cells if cells[name][index][0]} for index in range(len(ends)))


def _first_reward(trial: Trial, ends: Sequence[datetime.datetime]) -> float:
    """What was known when the trial's interval ended; the test that read it then must find it unchanged."""
    return trial.reward(_end_of(trial, ends) or ends[-1])


def _variant_counts(own: Sequence[Trial], first: Sequence[Trial], ends: Sequence[datetime.datetime]) -> VariantCounts:
    """The counts of `own`, the trials of one variant, of which `first` are users' first ones."""
    as_of = ends[-1]
    closed = [trial for trial in own if trial.closed_at <= as_of]
    pending = [trial for trial in own if trial.closed_at > as_of]
    first = [trial for trial in first if trial.closed_at <= as_of]
    return VariantCounts(
        invocation_count=len(closed),
        conversion_count=sum(trial.converted for trial in closed),
        reward_sum=math.fsum(trial.reward(as_of) for trial in closed),
        pending_invocation_count=len(pending),
        pending_conversion_count=sum(trial.converted for trial in pending),
        pending_reward_sum=math.fsum(trial.reward(as_of) for trial in pending),
        user_count=len(first),
        first_reward_sum=math.fsum(_first_reward(trial, ends) for trial in first),
        user_mean_sum=_user_mean_sum(closed, as_of),
    )


def _user_mean_sum(closed: Iterable[Trial], as_of: datetime.datetime) -> float:
    rewards: dict[str, list[float]] = {}
    for trial in closed:
        rewards.setdefault(trial.invocation.user_id, []).append(trial.reward(as_of))
    return math.fsum(math.fsum(earned) / len(earned) for earned in rewards.values())
