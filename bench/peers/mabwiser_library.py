"""mabwiser's own bandits, one object a run, told of closed outcomes once an interval.

A pick and an update a request would take 0.1 ms of Python each; so the library picks for `PICKS` requests between two
updates, and their shares are the interval's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from mabwiser.mab import MAB, LearningPolicy

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.known import Known
from abtest.experiment.simulation.policies import IntervalPolicy, Picks, likely_best

PICKS = 200


class _Session:
    def __init__(self, make: Callable[[], Any], runs: int, arms: int) -> None:
        self._arms = arms
        self._bandits = [MAB(list(range(arms)), make(), seed=run) for run in range(runs)]
        self._told = 0  # intervals
        self._requests = np.zeros((PICKS, 1))

    def shares(self, known: Known) -> Floats:
        if known.closed == 0:
            return np.full((len(self._bandits), self._arms), 1 / self._arms)
        trials = known.trials[:, self._told : known.closed].sum(axis=1)
        rewards = known.rewards[:, self._told : known.closed].sum(axis=1)
        self._told = known.closed
        for bandit, counts, sums in zip(self._bandits, trials, rewards, strict=True):
            bandit.partial_fit(*outcomes(counts, sums))
        return np.array([self._shares_of(bandit) for bandit in self._bandits])

    def _shares_of(self, bandit: MAB) -> Floats:
        picks = bandit.predict(self._requests)
        return np.bincount(picks, minlength=self._arms) / PICKS

    def leaders(self, known: Known) -> Picks:
        return likely_best(*known.totals)


def outcomes(trials: Floats, rewards: Floats) -> tuple[Picks, Picks]:
    """Returns an arm and a reward of 0 or 1 for each of the trials of `trials` and `rewards` [arms]."""
    pairs = np.stack([rewards, trials - rewards], axis=1).astype(int).ravel()
    arms = np.repeat(np.arange(len(trials)), 2)
    return np.repeat(arms, pairs), np.repeat(np.tile([1, 0], len(trials)), pairs)


def _policy(name: str, make: Callable[[], Any]) -> IntervalPolicy:
    return IntervalPolicy(f"mabwiser {name}", lambda runs, arms: _Session(make, runs, arms), reading="closed")


POLICIES = (
    _policy("Thompson", LearningPolicy.ThompsonSampling),
    _policy("UCB1", lambda: LearningPolicy.UCB1(alpha=1.0)),
)
