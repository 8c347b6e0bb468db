"""The counts of all lines at once, in plain words: what `counting` must make of them in whatever parts they come."""

import bisect
import collections
import dataclasses
import datetime
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from abtest.experiment.counting import delays
from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.count import DIGITS
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.event_table import MalformedLine
from abtest.experiment.counting.new_users import Drawn, NewUsers, new_users
from abtest.experiment.record.events import Conversion, Event, EventError, Invocation, parse
from abtest.experiment.record.variants import VariantCounts

Share: TypeAlias = Callable[[float], float]  # F: of a cohort's reward, by its age in seconds


@dataclasses.dataclass(frozen=True)
class Read:
    """The experiment's events up to a time, each once, by id; the malformed lines; how many events are others'."""

    events: tuple[Event, ...]
    malformed: tuple[MalformedLine, ...]
    foreign_count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One invocation, the conversion credited to it so far, and the attribution window."""

    invocation: Invocation
    conversion: Conversion | None
    window: datetime.timedelta

    @property
    def variant(self) -> str:
        return self.invocation.endpoint_variant or ""

    @property
    def closed_at(self) -> datetime.datetime:
        return self.invocation.timestamp + self.window

    @property
    def is_late(self) -> bool:
        """Whether the conversion came after the window, and so earns nothing."""
        return self.conversion is not None and bool(self.window) and self.conversion.timestamp > self.closed_at

    @property
    def converted(self) -> bool:
        return self.conversion is not None and not self.is_late

    @property
    def delay_seconds(self) -> float:
        """From the invocation to its conversion, which must be there; 0 if a slow clock dated it before."""
        assert self.conversion is not None
        return max(0.0, (self.conversion.timestamp - self.invocation.timestamp).total_seconds())

    def reward(self, known_at: datetime.datetime) -> float:
        """0..1: what the conversions up to `known_at` brought."""
        if self.conversion is None or self.is_late or self.conversion.timestamp > known_at:
            return 0.0
        return self.conversion.reward


def distinct_events(lines: Iterable[str], experiment_id: str, as_of: datetime.datetime) -> Read:
    """What `lines` say, each event once; of a retry's two events the earlier counts, in whatever order they came."""
    kept: dict[str, tuple[datetime.datetime, str, Event]] = {}
    malformed, foreign = {}, set()
    for line in lines:
        try:
            event = parse(line)
        except EventError as error:
            malformed[line] = MalformedLine(line, str(error))
            continue
        if event.experiment_id != experiment_id:
            foreign.add(event.event_id)
        elif event.timestamp <= as_of:
            earlier = kept.get(event.event_id)
            if earlier is None or (event.timestamp, line) < earlier[:2]:
                kept[event.event_id] = (event.timestamp, line, event)
    events = tuple(kept[event_id][2] for event_id in sorted(kept))
    return Read(events, tuple(malformed[line] for line in sorted(malformed)), len(foreign))


def trials_of(events: Iterable[Event], window: datetime.timedelta) -> tuple[list[Trial], list[Conversion]]:
    """One trial for each invocation, and the conversions whose invocation is not there (yet)."""
    events = list(events)
    invocations = {_named(event): event for event in events if isinstance(event, Invocation)}
    conversions = [event for event in events if isinstance(event, Conversion)]
    matched = {_named(event): event for event in conversions}
    orphans = [event for event in conversions if _named(event) not in invocations]
    return [Trial(event, matched.get(name), window) for name, event in invocations.items()], orphans


def _named(event: Event) -> tuple[str, str]:
    """What an invocation and its conversion share."""
    return event.user_id, event.inference_id


@dataclasses.dataclass(frozen=True)
class User:
    """A user's first trial, all in the period that begins with it, and when the outcome is known."""

    first: Trial
    trials: tuple[Trial, ...]
    closed_at: datetime.datetime

    @property
    def variant(self) -> str:
        return self.first.variant

    def outcome(self, known_at: datetime.datetime) -> float:
        return math.fsum(trial.reward(known_at) for trial in self.trials) / len(self.trials)


def users_of(trials: Iterable[Trial], period: datetime.timedelta, window: datetime.timedelta) -> list[User]:
    """By the time of the first trial."""
    ordered = sorted(trials, key=lambda trial: (trial.invocation.timestamp, _digest(trial.invocation)))
    own: dict[str, list[Trial]] = {}
    for trial in ordered:
        own.setdefault(trial.invocation.user_id, []).append(trial)
    users = []
    for first, *later in own.values():
        end = first.invocation.timestamp + period
        more = [one for one in later if period and one.invocation.timestamp <= end and one.variant == first.variant]
        users.append(User(first, (first, *more), end + window))
    return users


def _digest(invocation: Invocation) -> bytes:
    """What decides between invocations of the same millisecond."""
    name = json.dumps([invocation.experiment_id, invocation.user_id, invocation.inference_id])
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def counts_of(
    lines: Iterable[str],
    *,
    experiment_id: str,
    as_of: datetime.datetime,
    attribution_window_seconds: int,
    user_period_seconds: int | None = None,
    boundaries: Iterable[datetime.datetime] = (),
    shares: Iterable[Mapping[str, float]] = (),
) -> Counts:
    """The arguments are those of `counting.count`."""
    window = datetime.timedelta(seconds=attribution_window_seconds)
    read = distinct_events(lines, experiment_id, as_of)
    trials, orphans = trials_of(read.events, window)
    randomised = [trial for trial in trials if trial.invocation.randomised]
    period = window if user_period_seconds is None else datetime.timedelta(seconds=user_period_seconds)
    users = users_of(randomised, period, window)
    groups = _by_variant(randomised)
    ends = [*sorted({boundary for boundary in boundaries if boundary < as_of}), as_of]
    return Counts(
        experiment_id=experiment_id,
        as_of=as_of,
        variants={
            name: _variant_counts(own, [user for user in users if user.variant == name], ends)
            for name, own in groups.items()
        },
        history=_history(users, ends),
        shares=tuple(dict(one) for one in shares),
        new_users=_new_users([user.first for user in users]),
        apart=_apart(trials),
        late_conversion_count=sum(trial.is_late for trial in trials),
        orphan_conversion_count=len(orphans),
        malformed_line_count=len(read.malformed),
        reward_out_of_range_count=sum(line.problem.startswith("reward:") for line in read.malformed),
        foreign_event_count=read.foreign_count,
        weighted_history=_weighted_history(randomised, users, ends),
        heaviest_user_count=max(collections.Counter(one.invocation.user_id for one in randomised).values(), default=0),
    )


def _apart(trials: Iterable[Trial]) -> dict[str, int]:
    strategies = sorted(trial.invocation.strategy for trial in trials if not trial.invocation.randomised)
    return dict(collections.Counter(strategies))


def _by_variant(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.variant, []).append(trial)
    return dict(sorted(groups.items()))


def _of(variant: str, users: Iterable[User]) -> list[User]:
    return [user for user in users if user.variant == variant]


def _end_of(closed_at: datetime.datetime, ends: Sequence[datetime.datetime]) -> datetime.datetime | None:
    """The end of the interval in which it closed; None while it is pending."""
    index = bisect.bisect_left(ends, closed_at)
    return ends[index] if index < len(ends) else None


def _history(users: Iterable[User], ends: Sequence[datetime.datetime]) -> tuple[Interval, ...]:
    """Outcomes by the end of the interval in which they closed, by the Decision that drew them, by variant."""
    groups: dict[datetime.datetime, dict[int, dict[str, list[float]]]] = {end: {} for end in ends}
    for user in sorted(users, key=lambda user: user.variant):
        end = _end_of(user.closed_at, ends)
        number = int((user.first.invocation.decision_id or "-d-1").rpartition("-d")[2])
        if end is not None:
            groups[end].setdefault(number, {}).setdefault(user.variant, []).append(user.outcome(end))
    return tuple(
        Interval(
            end,
            {
                number: {name: (len(earned), math.fsum(earned)) for name, earned in cells.items()}
                for number, cells in batches.items()
            },
        )
        for end, batches in groups.items()
    )


def _new_users(first: Iterable[Trial]) -> tuple[NewUsers, ...]:
    drawn = collections.Counter(
        (trial.invocation.decision_id, trial.variant, trial.invocation.propensity)
        for trial in first
        if trial.invocation.decision_id is not None and trial.invocation.propensity is not None
    )
    return new_users(Drawn(*how, users) for how, users in drawn.items())


def _weighted_history(
    randomised: Sequence[Trial], users: Sequence[User], ends: Sequence[datetime.datetime]
) -> tuple[dict[str, Cell], ...]:
    closed = [trial for trial in randomised if trial.closed_at <= ends[-1]]
    seen = [(trial.delay_seconds, trial.reward(ends[-1])) for trial in closed if trial.converted]
    share = None if len(closed) == len(randomised) else share_of(seen)
    names = sorted({user.variant for user in users})
    cells = {name: _weighted_cells(_of(name, users), ends, share) for name in names}
    return tuple({name: cells[name][index] for name in cells if cells[name][index][0]} for index in range(len(ends)))


def share_of(seen: Sequence[tuple[float, float]]) -> Share | None:
    """From delays and rewards of closed conversions; None while there are too few."""
    total, squares = math.fsum(reward for _, reward in seen), math.fsum(reward**2 for _, reward in seen)
    if total**2 < delays.LEAST_CONVERSIONS * squares or not total:
        return None
    return lambda age: math.fsum(reward for delay, reward in seen if delay <= age) / total


def _weighted_cells(users: Iterable[User], ends: Sequence[datetime.datetime], share: Share | None) -> list[Cell]:
    """Of one variant."""
    groups: list[list[Cell]] = [[] for _ in ends]
    for user in users:
        own = [(_weight(trial, ends[-1], share), trial.reward(ends[-1])) for trial in user.trials]
        place = bisect.bisect_left(ends, user.first.invocation.timestamp)
        weights, rewards = [weight for weight, _ in own], [reward for weight, reward in own if weight]
        groups[place].append((math.fsum(weights) / len(own), math.fsum(rewards) / len(own)))
    return valid([_sum(cells) for cells in groups])


def _weight(trial: Trial, now: datetime.datetime, share: Share | None) -> float:
    if trial.closed_at <= now:
        return 1.0
    return share((now - trial.invocation.timestamp).total_seconds()) if share else 0.0


def _sum(cells: Iterable[Cell]) -> Cell:
    cells = list(cells)
    return round(math.fsum(trials for trials, _ in cells), DIGITS), math.fsum(reward for _, reward in cells)


def valid(cells: Sequence[Cell]) -> list[Cell]:
    """Cell by cell what `delays.valid` does at once, for one variant."""
    if all(reward <= trials for trials, reward in cells):
        return list(cells)
    older, rest = _pooled(cells[::-1])
    newer, rest = _pooled([_sum([older[-1], rest]), *older[-2::-1]])
    trials, reward = _sum([newer[-1], rest])
    return [*newer[:-1], (trials, min(reward, trials))]


def _pooled(cells: Iterable[Cell]) -> tuple[list[Cell], Cell]:
    """Each cell that is not valid joined to the next one; and what the last one leaves."""
    kept: list[Cell] = []
    rest: Cell = (0.0, 0.0)
    for cell in cells:
        pooled = _sum([cell, rest])
        fits = pooled[1] <= pooled[0]
        kept.append(pooled if fits else (0.0, 0.0))
        rest = (0.0, 0.0) if fits else pooled
    return kept, rest


def _variant_counts(own: Sequence[Trial], users: Sequence[User], ends: Sequence[datetime.datetime]) -> VariantCounts:
    """The counts of `own`, the trials of one variant, and of its users."""
    as_of = ends[-1]
    closed = [trial for trial in own if trial.closed_at <= as_of]
    pending = [trial for trial in own if trial.closed_at > as_of]
    known = [(user, end) for user in users if (end := _end_of(user.closed_at, ends))]
    return VariantCounts(
        invocation_count=len(closed),
        conversion_count=sum(trial.converted for trial in closed),
        reward_sum=math.fsum(trial.reward(as_of) for trial in closed),
        pending_invocation_count=len(pending),
        pending_conversion_count=sum(trial.converted for trial in pending),
        pending_reward_sum=math.fsum(trial.reward(as_of) for trial in pending),
        user_count=len(known),
        user_mean_sum=math.fsum(user.outcome(end) for user, end in known),
    )
