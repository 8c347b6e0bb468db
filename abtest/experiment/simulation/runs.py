"""What a simulation gives, and means, differences and ratios of it with their standard errors."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.decisions import Decisions
from abtest.experiment.simulation.policies import Picks
from abtest.experiment.simulation.scenario import Scenario


@dataclasses.dataclass(frozen=True)
class Runs:
    """`shares`, `trials`, `rewards`, `first_trials` and `first_rewards` are [runs, intervals, arms].

    `shares` are those by which the interval's new users were drawn (of a request policy: those that came out).
    `rewards` are all conversions of the interval's invocations, whenever seen. `first_*` hold each user's first
    invocation and what came of it. `pick` [runs] is the arm that the policy names the best at the end, from what it
    knows then. `decisions` is None without a test.
    """

    scenario: Scenario
    policy_name: str
    shares: Floats
    trials: Floats
    rewards: Floats
    first_trials: Floats
    first_rewards: Floats
    pick: Picks
    decisions: Decisions | None = None

    @property
    def regret(self) -> Floats:
        """[runs, intervals]: the best arm's true rate then less the picked arm's, summed over the requests."""
        rates = self.scenario.true_rates()
        loss = rates.max(axis=1, keepdims=True) - rates
        regret: Floats = np.einsum("tia,ia->ti", self.trials, loss)
        return regret

    @property
    def total_regret(self) -> Floats:
        """[runs]: of the whole run, in conversions."""
        total: Floats = self.regret.sum(axis=1)
        return total

    @property
    def right(self) -> NDArray[np.bool_]:
        """[runs]: whether the pick is, at the end, (one of) the truly best."""
        return self._best_at(-1)[self.pick]

    @property
    def false_decision(self) -> NDArray[np.bool_]:
        """[runs]: whether an arm was named while another was better, or a challenger no better than the champion.

        ValueError without a test.
        """
        if self.decisions is None:
            raise ValueError("decisions: these runs have no test")
        wrong = np.zeros(len(self.pick), dtype=bool)
        for run in np.flatnonzero(self.decisions.leader >= 0):
            best = self._best_at(int(self.decisions.decided_at[run]))
            leader = self.decisions.leader[run]
            wrong[run] = not best[leader] or (leader > 0 and best[0])
        return wrong

    def _best_at(self, interval: int) -> NDArray[np.bool_]:
        rates = self.scenario.true_rates()[interval]
        best: NDArray[np.bool_] = rates == rates.max()
        return best


class Estimate(NamedTuple):
    """A mean over runs and its standard error."""

    mean: float
    error: float


def estimate(values: NDArray[np.generic]) -> Estimate:
    """Of one value for each run [runs]; the error of a single run is nan."""
    numbers = np.asarray(values, dtype=float)
    error = numbers.std(ddof=1) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    return Estimate(float(numbers.mean()), float(error))


def difference(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> Estimate:
    """Mean of `ours` less `theirs`, paired by run: both of the same scenario and seed."""
    return estimate(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float))


def ratio(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> Estimate:
    """Mean of `ours` over mean of `theirs`, paired by run; the error by the delta method. nan if theirs is 0."""
    top, bottom = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not bottom.mean():
        return Estimate(math.nan, math.nan)
    quotient = top.mean() / bottom.mean()
    return Estimate(float(quotient), estimate(top - quotient * bottom).error / abs(float(bottom.mean())))
