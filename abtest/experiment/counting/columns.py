"""Intervals as columns: a long history written variant by variant takes about half as much, compressed."""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Cell: TypeAlias = tuple[float, float]  # trials and reward
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def to_columns(intervals: Sequence[Mapping[str, Cell]]) -> dict[str, Any]:
    """How many intervals there are, and by variant the trials and the rewards of each; zeros where it has none."""
    names = sorted({name for interval in intervals for name in interval})
    cells = {name: [interval.get(name, (0, 0.0)) for interval in intervals] for name in names}
    columns = {name: [[_short(cell[part]) for cell in cells[name]] for part in (0, 1)] for name in names}
    return {"intervals": len(intervals), "variants": columns}


def _short(number: float) -> float:
    """1 in place of 1.0."""
    return int(number) if number == int(number) else number


def from_columns(document: Mapping[str, Any]) -> tuple[dict[str, Cell], ...]:
    """The intervals that `to_columns` was given, without cells of no trials."""
    intervals: tuple[dict[str, Cell], ...] = tuple({} for _ in range(int(document["intervals"])))
    for name, (trials, rewards) in document["variants"].items():
        for interval, n, reward in zip(intervals, trials, rewards, strict=True):
            if n:
                interval[name] = float(n), float(reward)
    return intervals


def to_milliseconds(moment: datetime.datetime) -> int:
    """Since 1970, whole as all our times are."""
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def to_steps(moments: Iterable[datetime.datetime]) -> list[int]:
    """Milliseconds: the first since 1970, each other since the one before."""
    return [later - earlier for earlier, later in itertools.pairwise([0, *map(to_milliseconds, moments)])]


def from_steps(steps: Iterable[int]) -> list[datetime.datetime]:
    """The times that `to_steps` was given, to the millisecond."""
    return [EPOCH + datetime.timedelta(milliseconds=ms) for ms in itertools.accumulate(steps)]
