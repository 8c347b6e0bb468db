"""bayesianbandits' own agents, told of closed outcomes once an interval.

Its Dirichlet learner keeps a posterior for each context, so one agent with the number of the run as context serves all
runs. A pick costs 0.03 ms or more: `PICKS` of them between two updates stand for the interval's requests.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from bayesianbandits import (
    Arm,
    ContextualAgent,
    DirichletClassifier,
    InformationDirectedSampling,
    ThompsonSampling,
)

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import IntervalPolicy, Known, likely_best
from abtest.experiment.simulation.policies import Picks

PICKS = 25
ROWS = 1000  # asked for at once, to bound the memory


def _converted(draws: Floats) -> Floats:
    """Returns the probability of a conversion, of draws over (none, conversion)."""
    return draws[..., 1]


class _Session:
    def __init__(self, policy: Any, decay_rate: float | None, runs: int, arms: int) -> None:
        learners = [DirichletClassifier({0: 1, 1: 1}) for _ in range(arms)]
        options = [Arm(arm, reward_function=_converted, learner=learner) for arm, learner in enumerate(learners)]
        self._agent = ContextualAgent(options, policy, random_seed=1)
        self._decay_rate = decay_rate
        self._runs, self._arms = runs, arms
        self._contexts = np.arange(runs, dtype=float)[:, None]
        self._told = 0  # intervals

    def shares(self, known: Known) -> Floats:
        for interval in range(self._told, known.closed):
            self._tell(known.trials[:, interval], known.rewards[:, interval])
        self._told = known.closed
        asked = np.repeat(self._contexts, PICKS, axis=0)
        parts = [self._agent.pull(asked[start : start + ROWS]) for start in range(0, len(asked), ROWS)]
        picks = np.concatenate(parts).astype(int).reshape(self._runs, PICKS)
        return np.stack([(picks == arm).mean(axis=1) for arm in range(self._arms)], axis=1)

    def _tell(self, trials: Floats, rewards: Floats) -> None:
        if self._decay_rate is not None:
            self._agent.decay(decay_rate=self._decay_rate)
        contexts = np.concatenate([self._contexts, self._contexts])
        values = np.repeat([1, 0], self._runs)
        for arm in range(self._arms):
            weights = np.concatenate([rewards[:, arm], trials[:, arm] - rewards[:, arm]])
            self._agent.select_for_update(arm).update(contexts, values, sample_weight=weights)

    def leaders(self, known: Known) -> Picks:
        return likely_best(*known.totals)


def _policy(name: str, make: Callable[[], Any], decay_rate: float | None = None) -> IntervalPolicy:
    def begin(runs: int, arms: int) -> _Session:
        return _Session(make(), decay_rate, runs, arms)

    return IntervalPolicy(f"bayesianbandits {name}", begin, reading="closed")


POLICIES = (
    _policy("Thompson", ThompsonSampling),
    _policy("Thompson, decay 0.97", ThompsonSampling, 0.97),
    _policy("IDS", InformationDirectedSampling),
)
