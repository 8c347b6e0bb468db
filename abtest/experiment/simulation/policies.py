"""What chooses the arms: once an interval, by shares for the next one, or request by request."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.posterior_arrays import probability_best
from abtest.experiment.allocation.strategies import (
    Known,
    Seen,
    best_arms,
    bounded_shares,
    check_floor,
    check_settings,
    initial_shares,
)
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.known import READINGS

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


def interval_policy(
    strategy: str,
    *,
    reading: str = "weighted",
    weights: Sequence[float] | None = None,
    epsilon: float = 0.1,
    burn_in: int = 0,
    floor: float = 0.0,
    name: str | None = None,
) -> IntervalPolicy:
    """One of our strategies by its name, as `traffic_shares` with these arguments; the initial shares until counts are
    known. ValueError naming a wrong argument, where the number of arms decides when a simulation begins.
    """
    check_settings(strategy, epsilon, burn_in)

    def begin(_runs: int, arms: int) -> Session:
        check_floor(floor, arms)
        return _Following(strategy, initial_shares(weights, arms), epsilon, burn_in, floor)

    return IntervalPolicy(name or strategy, begin, reading)


@dataclasses.dataclass(frozen=True)
class _Following:
    """A session of one of our strategies."""

    strategy: str
    initial: Floats
    epsilon: float
    burn_in: int
    floor: float

    def shares(self, known: Known) -> Floats:
        seen = self._seen(known)
        nothing = ~seen.trials.any(axis=1, keepdims=True)
        shares = bounded_shares(self.strategy, seen, burn_in=self.burn_in, floor=self.floor)
        return np.where(nothing, self.initial, shares)

    def leaders(self, known: Known) -> Picks:
        picks: Picks = best_arms(self.strategy, self._seen(known)).argmax(axis=1)
        return picks

    def _seen(self, known: Known) -> Seen:
        return Seen(*known.totals, known, self.initial, self.epsilon, probability_best)
