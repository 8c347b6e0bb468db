"""What chooses the arms: once an interval, by shares for the next one, or request by request."""

import dataclasses
from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.batched import probability_best
from abtest.experiment.simulation.known import READINGS, Known

Picks: TypeAlias = NDArray[np.int64]  # [runs], an arm each


class Session(Protocol):
    """A policy at work on some runs; asked before every interval, once, first when no interval is known."""

    def shares(self, known: Known) -> Floats:
        """For the next interval, [runs, arms], rows summing to 1."""

    def leaders(self, known: Known) -> Picks:
        """The arm that it would name the best; asked once, at the end."""


@dataclasses.dataclass(frozen=True)
class IntervalPolicy:
    """`begin(runs, arms)` starts a session; `reading` is one of "weighted", "closed", "raw"."""

    name: str
    begin: Callable[[int, int], Session]
    reading: str = "weighted"

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise ValueError(f"reading: must be one of {', '.join(READINGS)}, not {self.reading!r}")


@dataclasses.dataclass(frozen=True)
class RequestPolicy:
    """`choose(trials, rewards, random)`: one arm for each run, from raw counters [runs, arms].

    The counters are the published sample's: an invocation counts at once, a conversion when it is seen.
    """

    name: str
    choose: Callable[[Floats, Floats, np.random.Generator], Picks]


Policy: TypeAlias = IntervalPolicy | RequestPolicy


@dataclasses.dataclass(frozen=True)
class Stateless:
    """A session of a plain function of what is known; its leader is the arm with the highest P(best)."""

    function: Callable[[Known], Floats]

    def shares(self, known: Known) -> Floats:
        return self.function(known)

    def leaders(self, known: Known) -> Picks:
        return likely_best(*known.totals)


def likely_best(trials: Floats, rewards: Floats) -> Picks:
    """The arm with the highest P(best), [runs] of [runs, arms]."""
    best: Picks = probability_best(trials, rewards).argmax(axis=1)
    return best
