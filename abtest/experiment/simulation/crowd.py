"""The users of an interval by number instead of one by one: the same distribution, whatever the traffic.

Users are alike, so how many of them there are on each arm, and what became of how many, is all that a policy sees of
them. Other than with `Visitors`, two policies do not meet the same users.
"""

import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.scenario import Scenario
from abtest.experiment.simulation.visitors import Tally, generator

CROWD = 5  # stream of random numbers, beside those of `visitors`


class Crowd:
    """The users of `runs` runs, those of chunk number `chunk`; ValueError unless users are alike."""

    def __init__(self, scenario: Scenario, seed: int, chunk: int, runs: int) -> None:
        users = scenario.users
        if users.concentration is not None and users.new_share < 1:
            raise ValueError("by_counts: sticky users of differing rates cannot be counted together")
        self._scenario, self._path = scenario, (seed, chunk)
        self._rates = scenario.true_rates()
        self._present = np.zeros((runs, scenario.arms), dtype=np.int64)  # by arm, in the interval before

    def draw(self, interval: int, shares: Floats) -> tuple[Tally, Tally]:
        """What came of the interval's requests, and of those of new users, who follow `shares` [runs, arms]."""
        seed, chunk = self._path
        random = generator(seed, chunk, interval, 0, CROWD)
        staying = random.binomial(self._present, 1 - self._scenario.users.new_share)
        new = random.multinomial(self._scenario.requests - staying.sum(axis=1), shares)
        rates = self._rates[interval][:, None]
        states = np.concatenate([1 - rates, rates * np.array(self._scenario.delay)], axis=1)
        first = random.multinomial(new, states)
        again = random.multinomial(staying, states)
        self._present = staying + new
        return first + again, first
