"""Lines to distinct events, and events to trials: an invocation with the conversion credited to it."""

import dataclasses
import datetime
from collections.abc import Iterable, Mapping

from abtest.experiment.record.events import Conversion, Event, EventError, Invocation, parse


@dataclasses.dataclass(frozen=True)
class MalformedLine:
    """A line that is no event of ours, and why."""

    line: str
    problem: str


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
    invocations = {event.inference_id: event for event in events if isinstance(event, Invocation)}
    conversions = [event for event in events if isinstance(event, Conversion)]
    matched = {event.inference_id: event for event in conversions if _is_of(event, invocations)}
    orphans = [event for event in conversions if not _is_of(event, invocations)]
    return [Trial(event, matched.get(event.inference_id), window) for event in invocations.values()], orphans


def _is_of(conversion: Conversion, invocations: Mapping[str, Invocation]) -> bool:
    """Whether the invocation that the conversion names is there, and the same user's."""
    invocation = invocations.get(conversion.inference_id)
    return invocation is not None and invocation.user_id == conversion.user_id


def first_by_user(trials: Iterable[Trial]) -> list[Trial]:
    """Each user's first trial: users are sticky, so only these are independent of each other."""
    ordered = sorted(trials, key=lambda trial: (trial.invocation.timestamp, trial.invocation.inference_id))
    first: dict[str, Trial] = {}
    for trial in ordered:
        first.setdefault(trial.invocation.user_id, trial)
    return list(first.values())
