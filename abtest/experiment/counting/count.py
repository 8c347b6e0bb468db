"""Events to counts: a pure function of the set of events, `as_of` and the earlier Decisions' `as_of`.

An invocation's cohort is closed once its attribution window is over (`timestamp + window <= as_of`); trial and
reward enter together then. Reward counts if it came within the window. A window of 0 means that there is none: an
invocation is closed as soon as it is counted, and its reward counts whenever it comes.

Duplicates count once (the earliest is kept), in any order. Traffic that was not randomised is counted apart.

All events are counted anew each time, so that nothing can be lost or counted twice; as arrays this takes about a
microsecond each, where reading one takes 40.
"""

import collections
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.counting import columns
from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.delays import delays_of, valid
from abtest.experiment.counting.event_table import Draw, EventTable, Rows, only
from abtest.experiment.counting.new_users import Drawn, new_users, rounded
from abtest.experiment.record.experiment import decision_number
from abtest.experiment.record.variants import VariantCounts

Names: TypeAlias = Sequence[str]  # of the variants that served randomised traffic, in order
Whole: TypeAlias = NDArray[np.int64]

DIGITS = 6  # of weighted trials, which keeps a long history small
NEVER = np.iinfo(np.int64).max
# An invocation with the conversion credited to it: `variant` is a place in Names, -1 where nobody drew it;
# `converted_at` is NEVER, and `reward` 0, where no conversion came in time, be it that a late one did.
TRIAL = np.dtype(
    [
        *((name, kind) for name, kind in (("id", "<u8"), ("at", "<i8"), ("user", "<u8"), ("draw", "<u4"))),
        *(("variant", "<i4"), ("closed_at", "<i8"), ("converted_at", "<i8"), ("reward", "<f8"), ("late", "?")),
    ]
)


def count(
    table: EventTable,
    *,
    experiment_id: str,
    as_of: datetime.datetime,
    attribution_window_seconds: int,
    boundaries: Iterable[datetime.datetime] = (),
    shares: Sequence[Mapping[str, float]] = (),
) -> Counts:
    """The counts of `experiment_id` at `as_of`.

    `table` holds the experiment's events (others' are counted as foreign), `boundaries` are the `as_of` of its earlier
    Decisions, `shares` the initial ones and those of each Decision; later events and boundaries do not count.
    """
    ended = [*sorted({boundary for boundary in boundaries if boundary < as_of}), as_of]
    ends = np.array([columns.to_milliseconds(end) for end in ended], np.int64)
    own = events_of(table, experiment_id)
    invocations, conversions = (only(rows, rows["at"] <= ends[-1]) for rows in own)
    trials, orphans = trials_of(invocations, conversions, attribution_window_seconds)
    names, drawn = randomised(trials, table.draws)
    first = first_by_user(drawn)
    closed_first = only(first, first["closed_at"] <= ends[-1])
    history, first_reward = _history(names, closed_first, ends, table.draws)
    return Counts(
        experiment_id=experiment_id,
        as_of=as_of,
        variants=_variant_counts(names, drawn, closed_first, first_reward, ends[-1]),
        history=tuple(Interval(end, batches) for end, batches in zip(ended, history, strict=True)),
        shares=tuple({name: rounded(share) for name, share in one.items() if share} for one in shares),
        new_users=new_users(_drawn(table.draws, first)),
        apart=apart(trials, table.draws),
        late_conversion_count=int(trials["late"].sum()),
        orphan_conversion_count=orphans,
        malformed_line_count=len(table.malformed),
        reward_out_of_range_count=int(table.malformed["out_of_range"].sum()),
        foreign_event_count=len(table.invocations) + len(table.conversions) - sum(map(len, own)),
        weighted_history=_weighted_history(names, drawn, ends),
    )


def events_of(table: EventTable, experiment_id: str) -> tuple[Rows, Rows]:
    """The experiment's invocations, and its conversions."""
    is_own = np.array([draw.experiment_id == experiment_id for draw in table.draws], bool)
    invocations, conversions = (only(rows, is_own[rows["draw"]]) for rows in (table.invocations, table.conversions))
    return invocations, conversions


def trials_of(invocations: Rows, conversions: Rows, window_seconds: int) -> tuple[Rows, int]:
    """A trial for each invocation, and how many conversions' invocations are not there (yet)."""
    trials = np.zeros(len(invocations), TRIAL)
    for name in ("id", "at", "user", "draw"):
        trials[name] = invocations[name]
    trials["closed_at"], trials["converted_at"] = trials["at"] + 1000 * window_seconds, NEVER
    place = np.searchsorted(invocations["id"], conversions["id"])
    found = place < len(invocations)
    for name in ("id", "user"):  # the invocation that it names, and the same user's
        found[found] = invocations[name][place[found]] == conversions[name][found]
    place, credited = place[found], conversions[found]
    late = (credited["at"] > trials["closed_at"][place]) & (window_seconds > 0)
    trials["late"][place] = late
    trials["converted_at"][place[~late]] = credited["at"][~late]
    trials["reward"][place[~late]] = credited["reward"][~late]
    return trials, int((~found).sum())


def randomised(trials: Rows, draws: Sequence[Draw]) -> tuple[Names, Rows]:
    """The names of the variants that were drawn at random, and their trials, with users numbered.

    Sets the `variant` of all `trials`.
    """
    present = np.unique(trials["draw"]).tolist()
    drawn = {place: name for place in present if (name := draws[place].drawn) is not None}
    names = sorted(set(drawn.values()))
    codes = np.full(len(draws), -1, np.int32)
    for place, name in drawn.items():
        codes[place] = names.index(name)
    trials["variant"] = codes[trials["draw"]]
    found = only(trials, trials["variant"] >= 0)
    found["user"] = np.unique(found["user"], return_inverse=True)[1]  # numbers, which are grouped faster
    return names, found


def apart(trials: Rows, draws: Sequence[Draw]) -> dict[str, int]:
    """The invocations that were not drawn at random, by strategy."""
    strategies = collections.Counter[str]()
    others = trials["draw"][trials["variant"] < 0]
    for place, invocations in zip(*np.unique(others, return_counts=True), strict=True):
        strategies[draws[place].strategy] += int(invocations)
    return dict(sorted(strategies.items()))


def first_by_user(trials: Rows) -> Rows:
    """Each user's first trial: users are sticky, so only these are independent of each other.

    `trials` are those of `randomised`: they come by id, which decides where times are equal, and users are numbered.
    """
    latest_first = np.argsort(trials["at"], kind="stable")[::-1]
    first = np.zeros(int(trials["user"].max(initial=0)) + 1, np.int64)
    first[trials["user"][latest_first]] = latest_first  # what is assigned last stays
    is_first = np.zeros(len(trials), bool)
    is_first[first[: len(trials)]] = True
    return only(trials, is_first)


def _drawn(draws: Sequence[Draw], first: Rows) -> list[Drawn]:
    """Count users per Decision, variant and recorded share."""
    places, users = np.unique(first["draw"], return_counts=True)
    return [
        Drawn(draw.decision_id, draw.variant, draw.propensity, int(count))
        for draw, count in ((draws[place], count) for place, count in zip(places, users, strict=True))
        if draw.decision_id is not None and draw.variant is not None and draw.propensity is not None
    ]


def _history(
    names: Names, closed_first: Rows, ends: Whole, draws: Sequence[Draw]
) -> tuple[list[dict[int, dict[str, tuple[int, float]]]], Floats]:
    """Users' first outcomes by the interval in which they closed and the number of the Decision that drew them.

    Beside them the sums of their rewards by variant. A reward is what was known when its interval ended: the test that
    read it then must find it unchanged.
    """
    interval = np.searchsorted(ends, closed_first["closed_at"])
    reward = np.where(closed_first["converted_at"] <= ends[interval], closed_first["reward"], 0.0)
    number = np.array([decision_number(draw.decision_id or "") for draw in draws], np.int64)[closed_first["draw"]]
    pairs, place = np.unique(np.stack([interval, number], axis=1), axis=0, return_inverse=True)
    users, earned = (_cells(names, closed_first, place.reshape(-1), of, len(pairs)) for of in (None, reward))
    history: list[dict[int, dict[str, tuple[int, float]]]] = [{} for _ in ends]
    for (end, drawn_by), cells in zip(pairs.tolist(), _by_name(names, users, earned), strict=True):
        history[end][drawn_by] = cells
    return history, _sums(names, closed_first, reward)


def _cells(names: Names, trials: Rows, interval: Whole, weights: Floats | None, intervals: int) -> NDArray[Any]:
    """Sums over the trials of each interval and variant, [intervals, variants]; whole without `weights`."""
    place = interval * len(names) + trials["variant"]
    return np.bincount(place, weights, minlength=intervals * len(names)).reshape(intervals, len(names))


def _by_name(names: Names, trials: NDArray[Any], rewards: Floats) -> list[dict[str, Any]]:
    """By interval and name what is [intervals, variants], but cells of no trials."""
    rows = zip(trials.tolist(), rewards.tolist(), strict=True)
    return [{name: (n, s) for name, n, s in zip(names, *row, strict=True) if n} for row in rows]


def _sums(names: Names, trials: Rows, weights: Floats | None = None) -> Floats:
    """By variant."""
    return np.bincount(trials["variant"], weights, minlength=len(names)).astype(np.float64)


def _weighted_history(names: Names, trials: Rows, ends: Whole) -> tuple[dict[str, Cell], ...]:
    """By the time of invocation; an invocation whose window is still open counts in part, as `delays` says."""
    is_closed = trials["closed_at"] <= ends[-1]
    delays = None if is_closed.all() else delays_of(*_conversions(trials[is_closed]))
    if delays is None:
        trials, weight = only(trials, is_closed), np.ones(int(is_closed.sum()))
    else:
        weight = np.where(is_closed, 1.0, delays.by((ends[-1] - trials["at"]) / 1000))
    interval = np.searchsorted(ends, trials["at"])
    counted, rewards = (_cells(names, trials, interval, of, len(ends))[None] for of in (weight, trials["reward"]))
    counted, rewards = valid(counted.round(DIGITS), rewards)
    counted = counted.round(DIGITS)
    return tuple(_by_name(names, counted[0], np.minimum(rewards, counted)[0]))


def _conversions(trials: Rows) -> tuple[Floats, Floats]:
    """Delays (seconds; 0 where a slow clock dated a conversion before its invocation) and rewards."""
    converted = trials[trials["converted_at"] != NEVER]
    return np.maximum(converted["converted_at"] - converted["at"], 0) / 1000, converted["reward"]


def _variant_counts(
    names: Names, trials: Rows, closed_first: Rows, first_reward: Floats, until: int
) -> dict[str, VariantCounts]:
    is_closed = trials["closed_at"] <= until
    closed, pending = only(trials, is_closed), trials[~is_closed]
    found = {
        "invocation_count": _sums(names, closed),
        "conversion_count": _sums(names, closed, closed["converted_at"] != NEVER),
        "reward_sum": _sums(names, closed, closed["reward"]),
        "pending_invocation_count": _sums(names, pending),
        "pending_conversion_count": _sums(names, pending, pending["converted_at"] != NEVER),
        "pending_reward_sum": _sums(names, pending, pending["reward"]),
        "user_count": _sums(names, closed_first),
        "first_reward_sum": first_reward,
        "user_mean_sum": _user_mean_sum(names, closed),
    }
    return {
        name: VariantCounts.from_json({field: sums[place] for field, sums in found.items()})
        for place, name in enumerate(names)
    }


def _user_mean_sum(names: Names, closed: Rows) -> Floats:
    """By variant, the sum over its users of each one's mean reward."""
    sums = np.zeros(len(names))
    for place in range(len(names)):
        own = closed[closed["variant"] == place]
        trials, reward = np.bincount(own["user"]), np.bincount(own["user"], own["reward"])
        sums[place] = (reward[trials > 0] / trials[trials > 0]).sum()
    return sums
