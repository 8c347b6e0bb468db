"""What is known at the end of an interval, read in one of three ways.

`weighted`: as an experiment is read (`counting.delays`). A cohort whose window is still open counts only as much as
conversions usually have arrived by its age: half the trials where half of them have. Counting all its trials would read
its rate too low, and counting only converted ones too high. Each run learns from its own closed cohorts.
`closed`: closed cohorts only.
`raw`: an invocation counts at once, a conversion when it is seen, as the published sample's counters do.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.strategies import Known
from abtest.experiment.arrays import Floats
from abtest.experiment.counting.delays import seen_by_age, valid
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
        seen = self._seen[:, : self.closed].sum(axis=(1, 2))
        shares = seen_by_age(seen, seen[:, -1])
        rewards[:, self.closed :] *= (shares[:, -1] > 0)[:, None, None]
        for interval in range(self.closed, self._count):
            trials[:, interval] *= shares[:, min(self._count - 1 - interval, shares.shape[1] - 1), None]
        return Known(*valid(trials, rewards), self.closed)

    def _rewards_so_far(self) -> Floats:
        ages = np.minimum(self._count - 1 - np.arange(self._count), self._seen.shape[3] - 1)
        rewards: Floats = self._seen[:, np.arange(self._count), :, ages].transpose(1, 0, 2).copy()
        return rewards


READINGS: dict[str, Callable[[Cohorts], Known]] = {
    "weighted": Cohorts.weighted,
    "closed": Cohorts.closed_only,
    "raw": Cohorts.raw,
}
