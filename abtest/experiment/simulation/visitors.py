"""Who sends the requests, and what would come of each on each arm: the same draws whatever the policy picks.

Each request has one uniform number for its outcome, shared by all arms, one for the delay of its conversion and one by
which an interval policy's shares pick. They depend on the seed, the run, the interval and the place of the request in
it, and on nothing that a policy did; so two policies differ only by what they pick, and the first runs of a longer
simulation are those of a shorter one.
"""

import dataclasses
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.beta_users import BINS, mean_rates
from abtest.experiment.simulation.scenario import Scenario

BLOCK = 1000  # requests drawn at once, to bound the memory
CHUNK = 1000  # runs simulated at once; part of what the draws depend on

NEWCOMERS, CHOICE, OUTCOME, DELAY, POLICY = range(5)  # streams of random numbers

Draws: TypeAlias = NDArray[np.float32]  # [runs, requests of the block], 0..1, 1 excluded
Arms: TypeAlias = NDArray[np.int8]
Tally: TypeAlias = NDArray[np.int64]  # [runs, arms, 1 + delays]: invocations by what came of them
States: TypeAlias = NDArray[np.int8]  # 0: no conversion; j + 1: one that is seen j intervals later


def generator(seed: int, *path: int) -> np.random.Generator:
    """Independent for each `path` below `seed`."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence([seed, *path])))


@dataclasses.dataclass(frozen=True)
class Block:
    """Some requests of one interval in all runs of a chunk."""

    new: NDArray[np.bool_] | None  # None: all users are new
    variant: Arms  # of the users who are not new; a view, written by `settle`
    choice: Draws
    _outcome: Draws
    _delay: Draws | None
    _bin: NDArray[np.uint16] | None
    _rates: NDArray[np.float32]  # [arms], or [arms, bins of users]
    _seen: NDArray[np.float32]  # cumulative probabilities of the delay, the last left out

    def states(self, arms: Arms) -> States:
        """What comes of each request on its one of `arms` [runs, requests]."""
        if self._bin is None:
            rates = self._rates.take(arms)
        else:
            rates = self._rates.ravel().take(arms.astype(np.int64) * BINS + self._bin)
        converted = (self._outcome < rates).astype(np.int8)
        if self._delay is None:
            return converted
        delay = np.ones_like(converted)
        for probability in self._seen:
            delay += self._delay >= probability
        return converted * delay

    def drawn(self, shares: Floats) -> Arms:
        """The arm of each request: new users' by `shares` [runs, arms], others' own."""
        edges = np.cumsum(shares, axis=1)[:, :-1].astype(np.float32)
        arms = np.zeros(self.choice.shape, dtype=np.int8)
        for edge in edges.T:
            arms += self.choice >= edge[:, None]
        return arms if self.new is None else np.where(self.new, arms, self.variant)

    def settle(self, arms: Arms) -> None:
        """The users keep these."""
        if self.new is not None:
            self.variant[...] = arms


class Visitors:
    """The users of `runs` runs, which are those of chunk number `chunk`; go through the intervals in order."""

    def __init__(self, scenario: Scenario, seed: int, chunk: int, runs: int) -> None:
        self._scenario, self._seed, self._chunk, self._runs = scenario, seed, chunk, runs
        self.sticky = scenario.users.new_share < 1
        # Users who come once look alike, however their own rates vary.
        concentration = scenario.users.concentration if self.sticky else None
        self._variant = np.zeros((runs, scenario.requests if self.sticky else 0), dtype=np.int8)
        self._bins = np.zeros((runs, scenario.requests), dtype=np.uint16) if concentration else None
        self._table = mean_rates(scenario.true_rates(), concentration)
        self._seen = np.cumsum(scenario.delay)[:-1].astype(np.float32)

    def blocks(self, interval: int) -> Iterator[Block]:
        for number, start in enumerate(range(0, self._scenario.requests, BLOCK)):
            part = slice(start, min(start + BLOCK, self._scenario.requests))
            shape = (self._runs, part.stop - part.start)
            yield Block(
                new=self._arrive(interval, number, part, shape),
                variant=self._variant[:, part],
                choice=self._draw(shape, interval, number, CHOICE),
                _outcome=self._draw(shape, interval, number, OUTCOME),
                _delay=self._draw(shape, interval, number, DELAY) if len(self._seen) else None,
                _bin=None if self._bins is None else self._bins[:, part],
                _rates=self._table[interval],
                _seen=self._seen,
            )

    def policy_generator(self, interval: int) -> np.random.Generator:
        """For what a request policy draws itself."""
        return generator(self._seed, self._chunk, interval, 0, POLICY)

    def _draw(self, shape: tuple[int, int], interval: int, number: int, stream: int) -> Draws:
        return generator(self._seed, self._chunk, interval, number, stream).random(shape, dtype=np.float32)

    def _arrive(self, interval: int, number: int, part: slice, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Who of the block's users is new; those get their own quantile."""
        if not self.sticky:
            return None
        drawn = self._draw(shape, interval, number, NEWCOMERS)
        share = 1.0 if interval == 0 else self._scenario.users.new_share
        new = drawn < share
        if self._bins is not None:
            # Below `share` the draw is uniform again.
            own = np.minimum(drawn[new] * (BINS / share), BINS - 1)
            self._bins[:, part][new] = own.astype(np.uint16)
        return new
