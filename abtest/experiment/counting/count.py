"""Events to counts: a pure function of the set of events, `as_of` and the earlier Decisions' `as_of`.

An invocation's cohort is closed once its attribution window is over (`timestamp + window <= as_of`); trial and
reward enter together then. Reward counts if it came within the window. A window of 0 means that there is none: an
invocation is closed as soon as it is counted, and its reward counts whenever it comes.

The unit of the test, of shares and of P(best) is the user, who weighs as one however many requests came: the outcome is
the mean reward over the invocations in the user's period, which begins with the first of them, and it is known once the
windows of all that can come in the period are over.

Duplicates count once (the earliest is kept), in any order. Traffic that was not randomised is counted apart.

All events are counted anew each time, so that nothing can be lost or counted twice; as arrays this takes about a
microsecond each, where reading one takes 40.
"""

import collections
import dataclasses
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
    user_period_seconds: int | None = None,
    boundaries: Iterable[datetime.datetime] = (),
    shares: Sequence[Mapping[str, float]] = (),
) -> Counts:
    """The counts of `experiment_id` at `as_of`.

    `table` holds the experiment's events (others' are counted as foreign), `boundaries` are the `as_of` of its earlier
    Decisions, `shares` the initial ones and those of each Decision; later events and boundaries do not count.
    `user_period_seconds` (None: as long as the window) is how long after a user's first invocation others belong to the
    same outcome.
    """
    period = attribution_window_seconds if user_period_seconds is None else user_period_seconds
    ended = [*sorted({boundary for boundary in boundaries if boundary < as_of}), as_of]
    ends = np.array([columns.to_milliseconds(end) for end in ended], np.int64)
    own = events_of(table, experiment_id)
    invocations, conversions = (only(rows, rows["at"] <= ends[-1]) for rows in own)
    trials, orphans = trials_of(invocations, conversions, attribution_window_seconds)
    names, drawn = randomised(trials, table.draws)
    users = Users.of(drawn, period, attribution_window_seconds)
    history, rewards = _history(names, users, ends, table.draws)
    return Counts(
        experiment_id=experiment_id,
        as_of=as_of,
        variants=_variant_counts(names, drawn, users.closed(ends[-1]), rewards, ends[-1]),
        history=tuple(Interval(end, batches) for end, batches in zip(ended, history, strict=True)),
        shares=tuple({name: rounded(share) for name, share in one.items() if share} for one in shares),
        new_users=new_users(_drawn(table.draws, users.first)),
        apart=apart(trials, table.draws),
        late_conversion_count=int(trials["late"].sum()),
        orphan_conversion_count=orphans,
        malformed_line_count=len(table.malformed),
        reward_out_of_range_count=int(table.malformed["out_of_range"].sum()),
        foreign_event_count=len(table.invocations) + len(table.conversions) - sum(map(len, own)),
        weighted_history=_weighted_history(names, drawn, users, ends),
        heaviest_user_count=int(np.bincount(drawn["user"]).max(initial=0)),
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
    found[found] = invocations["id"][place[found]] == conversions["id"][found]
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


@dataclasses.dataclass(frozen=True)
class Users:
    """One trial for each user, whose reward is the mean over the invocations in the user's period.

    `first` [users] is each one's first trial, with the time at which the user's outcome is known as `closed_at`; by the
    users' numbers. `trials` are those in their users' periods; later ones are logged only.
    """

    first: Rows
    trials: Rows

    @classmethod
    def of(cls, trials: Rows, period_seconds: int, window_seconds: int) -> "Users":
        """Those of `randomised` trials."""
        first = first_by_user(trials)
        first = first[np.argsort(first["user"])]
        ends = first["at"] + 1000 * period_seconds
        is_first = trials["id"] == first["id"][trials["user"]]
        first["closed_at"] = ends + 1000 * window_seconds
        same = trials["variant"] == first["variant"][trials["user"]]
        in_time = (trials["at"] <= ends[trials["user"]]) & same & (period_seconds > 0)
        return cls(first, only(trials, is_first | in_time))

    def closed(self, until: int) -> Rows:
        return only(self.first, self.first["closed_at"] <= until)

    def mean(self, values: Floats) -> Floats:
        """[users], of one value for each of `trials`."""
        counted = np.bincount(self.trials["user"], minlength=len(self.first))
        sums = np.bincount(self.trials["user"], values, minlength=len(self.first))
        return np.asarray(sums / np.maximum(counted, 1), np.float64)


def _drawn(draws: Sequence[Draw], first: Rows) -> list[Drawn]:
    """Count users per Decision, variant and recorded share."""
    places, users = np.unique(first["draw"], return_counts=True)
    return [
        Drawn(draw.decision_id, draw.variant, draw.propensity, int(count))
        for draw, count in ((draws[place], count) for place, count in zip(places, users, strict=True))
        if draw.decision_id is not None and draw.variant is not None and draw.propensity is not None
    ]


def _history(
    names: Names, users: Users, ends: Whole, draws: Sequence[Draw]
) -> tuple[list[dict[int, dict[str, tuple[int, float]]]], Floats]:
    """Users' outcomes by the interval in which they closed and the number of the Decision that drew them.

    Beside them the sums of their rewards by variant. A reward is what was known when its interval ended: the test that
    read it then must find it unchanged.
    """
    interval = np.searchsorted(ends, users.first["closed_at"])
    known_at = ends[np.minimum(interval, len(ends) - 1)][users.trials["user"]]
    reward = users.mean(np.where(users.trials["converted_at"] <= known_at, users.trials["reward"], 0.0))
    is_closed = interval < len(ends)
    closed, interval, reward = users.first[is_closed], interval[is_closed], reward[is_closed]
    number = np.array([decision_number(draw.decision_id or "") for draw in draws], np.int64)[closed["draw"]]
    pairs, place = np.unique(np.stack([interval, number], axis=1), axis=0, return_inverse=True)
    counted, earned = (_cells(names, closed, place.reshape(-1), of, len(pairs)) for of in (None, reward))
    history: list[dict[int, dict[str, tuple[int, float]]]] = [{} for _ in ends]
    for (end, drawn_by), cells in zip(pairs.tolist(), _by_name(names, counted, earned), strict=True):
        history[end][drawn_by] = cells
    return history, _sums(names, closed, reward)


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


def _weighted_history(names: Names, drawn: Rows, users: Users, ends: Whole) -> tuple[dict[str, Cell], ...]:
    """Users by the time of the first invocation; one whose window is still open counts in part, as `delays` says.

    A user counts as much as the invocations in the period do on average.
    """
    trials = users.trials
    is_closed = drawn["closed_at"] <= ends[-1]
    delays = None if is_closed.all() else delays_of(*_conversions(drawn[is_closed]))
    weight = (trials["closed_at"] <= ends[-1]).astype(np.float64)
    if delays is not None:
        weight = np.where(weight == 1, 1.0, delays.by((ends[-1] - trials["at"]) / 1000))
    interval = np.searchsorted(ends, users.first["at"])
    of_users = (users.mean(weight), users.mean(np.where(weight > 0, trials["reward"], 0.0)))
    counted, rewards = (_cells(names, users.first, interval, of, len(ends))[None] for of in of_users)
    counted, rewards = valid(counted.round(DIGITS), rewards)
    counted = counted.round(DIGITS)
    return tuple(_by_name(names, counted[0], np.minimum(rewards, counted)[0]))


def _conversions(trials: Rows) -> tuple[Floats, Floats]:
    """Delays (seconds; 0 where a slow clock dated a conversion before its invocation) and rewards."""
    converted = trials[trials["converted_at"] != NEVER]
    return np.maximum(converted["converted_at"] - converted["at"], 0) / 1000, converted["reward"]


def _variant_counts(
    names: Names, trials: Rows, closed_users: Rows, user_reward: Floats, until: int
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
        "user_count": _sums(names, closed_users),
        "user_mean_sum": user_reward,
    }
    return {
        name: VariantCounts.from_json({field: sums[place] for field, sums in found.items()})
        for place, name in enumerate(names)
    }
