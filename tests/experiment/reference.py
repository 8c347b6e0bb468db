"""The counts of all lines at once, in plain words: what `counting` must make of them in whatever parts they come."""

import bisect
import collections
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.delays import DIGITS, Delays, delays_of, valid
from abtest.experiment.counting.new_users import Drawn, NewUsers, new_users
from abtest.experiment.counting.trials import Trial, distinct_events, first_by_user, trials_of
from abtest.experiment.record.variants import VariantCounts


def counts_of(
    lines: Iterable[str],
    *,
    experiment_id: str,
    as_of: datetime.datetime,
    attribution_window_seconds: int,
    boundaries: Iterable[datetime.datetime] = (),
) -> Counts:
    """The arguments are those of `counting.count`."""
    window = datetime.timedelta(seconds=attribution_window_seconds)
    read = distinct_events(lines, experiment_id, as_of)
    trials, orphans = trials_of(read.events, window)
    randomised = [trial for trial in trials if trial.invocation.randomised]
    first = first_by_user(randomised)
    groups, first_groups = _by_variant(randomised), _by_variant(first)
    ends = [*sorted({boundary for boundary in boundaries if boundary < as_of}), as_of]
    return Counts(
        experiment_id=experiment_id,
        as_of=as_of,
        variants={name: _variant_counts(own, first_groups.get(name, ()), ends) for name, own in groups.items()},
        history=_history(first, ends),
        new_users=_new_users(first),
        apart=_apart(trials),
        late_conversion_count=sum(trial.is_late for trial in trials),
        orphan_conversion_count=len(orphans),
        malformed_line_count=len(read.malformed),
        reward_out_of_range_count=sum(line.problem.startswith("reward:") for line in read.malformed),
        foreign_event_count=read.foreign_count,
        weighted_history=_weighted_history(groups, ends),
    )


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


def _new_users(first: Iterable[Trial]) -> tuple[NewUsers, ...]:
    drawn = collections.Counter(
        (trial.invocation.decision_id, trial.variant, trial.invocation.propensity)
        for trial in first
        if trial.invocation.decision_id is not None and trial.invocation.propensity is not None
    )
    return new_users(Drawn(*how, users) for how, users in drawn.items())


def _weighted_history(
    groups: Mapping[str, Sequence[Trial]], ends: Sequence[datetime.datetime]
) -> tuple[dict[str, Cell], ...]:
    closed = [trial for group in groups.values() for trial in group if trial.closed_at <= ends[-1]]
    seen = [(trial.delay_seconds, trial.reward(ends[-1])) for trial in closed if trial.converted]
    delays = None
    if len(closed) < sum(map(len, groups.values())):
        delays = delays_of(*np.array(seen, float).reshape(-1, 2).T)
    cells = {name: weighted_cells(group, ends, delays) for name, group in groups.items()}
    return tuple({name: cells[name][index] for name in cells if cells[name][index][0]} for index in range(len(ends)))


def weighted_cells(
    trials: Iterable[Trial], ends: Sequence[datetime.datetime], delays: Delays | None
) -> tuple[Cell, ...]:
    """Of one variant."""
    groups: list[list[Cell]] = [[] for _ in ends]
    for trial in trials:
        if trial.closed_at <= ends[-1] or delays:
            cell = weight(trial, delays, ends[-1]), trial.reward(ends[-1])
            groups[bisect.bisect_left(ends, trial.invocation.timestamp)].append(cell)
    return valid([(round(math.fsum(n for n, _ in cells), DIGITS), math.fsum(s for _, s in cells)) for cells in groups])


def weight(trial: Trial, delays: Delays | None, as_of: datetime.datetime) -> float:
    if trial.closed_at <= as_of:
        return 1.0
    age = (as_of - trial.invocation.timestamp).total_seconds()
    return float(delays.shares(np.array([age]))[0]) if delays else 0.0


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
