"""What is known at the end of an interval, read in one of three ways.

`weighted`: closed cohorts, and open ones with each invocation weighted by F(its age), F the share of conversions that
are seen by that age, estimated in each run from its closed cohorts, all arms together. A cohort that is expected to
have shown half of its conversions counts as half the trials: the mean is right, where counting all its trials would
read it too low, and counting only converted ones too high. The estimator is that of Vernade, Cappé and Perchet,
"Stochastic bandit models for delayed conversions" (2017), with F estimated instead of given.
`closed`: closed cohorts only.
`raw`: an invocation counts at once, a conversion when it is seen, as the published sample's counters do.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.strategies import Known
from abtest.experiment.arrays import Floats
from abtest.experiment.counting.delays import LEAST_CONVERSIONS
from abtest.experiment.simulation.scenario import Scenario


class Cohorts:
    """What came of each interval's invocations, one interval after the other."""

    def __init__(self, runs: int, scenario: Scenario) -> None:
        shape = (runs, scenario.intervals, scenario.arms)
        self.states = 1 + len(scenario.delay)  # no conversion, or one seen after 0, 1, ... intervals
        self._trials = np.zeros(shape)
        self._seen = np.zeros((*shape, len(scenario.delay)))  # conversions; once ended, cumulative over ages
        self._closes_after = scenario.closes_after
        self._count = 0

    def add(self, cells: NDArray[np.int64]) -> None:
        """Invocations of the current interval by what came of them, [runs, arms, states]."""
        self._trials[:, self._count] += cells.sum(axis=2)
        self._seen[:, self._count] += cells[:, :, 1:]

    def end(self) -> None:
        """Ends the current interval."""
        self._seen[:, self._count] = self._seen[:, self._count].cumsum(axis=2)
        self._count += 1

    def known(self, reading: str) -> Known:
        """At the end of the latest ended interval."""
        return READINGS[reading](self)

    @property
    def closed(self) -> int:
        """How many intervals are."""
        return max(0, self._count - self._closes_after)

    def closed_only(self) -> Known:
        return Known(self._trials[:, : self.closed], self._seen[:, : self.closed, :, -1], self.closed)

    def raw(self) -> Known:
        return Known(self._trials[:, : self._count], self._rewards_so_far(), self.closed)

    def weighted(self) -> Known:
        trials, rewards = self._trials[:, : self._count].copy(), self._rewards_so_far()
        shares = self.seen_by_age()
        rewards[:, self.closed :] *= (shares[:, -1] > 0)[:, None, None]
        for interval in range(self.closed, self._count):
            trials[:, interval] *= shares[:, min(self._count - 1 - interval, shares.shape[1] - 1), None]
        _make_valid(trials[:, self.closed :], rewards[:, self.closed :])
        return Known(trials, rewards, self.closed)

    def seen_by_age(self) -> Floats:
        """F [runs, ages]: 0 where closed cohorts have too few conversions, so that open ones do not count."""
        seen: Floats = self._seen[:, : self.closed].sum(axis=(1, 2))
        shares = np.zeros_like(seen)
        return np.divide(seen, seen[:, -1:], out=shares, where=seen[:, -1:] >= LEAST_CONVERSIONS)

    def _rewards_so_far(self) -> Floats:
        ages = np.minimum(self._count - 1 - np.arange(self._count), self._seen.shape[3] - 1)
        rewards: Floats = self._seen[:, np.arange(self._count), :, ages].transpose(1, 0, 2).copy()
        return rewards


def _make_valid(trials: Floats, rewards: Floats) -> None:
    """Pools a young interval that holds more reward than trials with the older one, as `delays.valid` does.

    What the oldest of these intervals cannot hold is cut.
    """
    for interval in range(trials.shape[1] - 1, 0, -1):
        excess = rewards[:, interval] > trials[:, interval]
        for cells in (trials, rewards):
            cells[:, interval - 1] += np.where(excess, cells[:, interval], 0)
            cells[:, interval][excess] = 0
    np.minimum(rewards, trials, out=rewards)


READINGS: dict[str, Callable[[Cohorts], Known]] = {
    "weighted": Cohorts.weighted,
    "closed": Cohorts.closed_only,
    "raw": Cohorts.raw,
}
