"""The always-valid test of abtest.experiment.stopping in all runs at once; formulas and proof are there."""

import dataclasses
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.simulation.scenario import Floats
from abtest.experiment.stopping import FIRST_MEANS, LARGEST, LOG_ODDS_RATIOS

NOBODY = -1  # no leader; no interval in which one was named
RUNNING, DECIDED = "running", "decided"
MODES = ("earn_first", "learn_first")


@dataclasses.dataclass(frozen=True)
class SequentialTest:
    """The test at the end of every interval, and what follows from it.

    `alpha` (0..1, both excluded) bounds the chance of ever naming an arm that is not the single best. In mode
    "earn_first" the strategy's shares go on after a decision; in "learn_first" every arm has at least `floor` (0 to
    1/arms) until then, and the leader all new users after it.
    """

    alpha: float = 0.05
    mode: str = "earn_first"
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha: must be between 0 and 1, not {self.alpha!r}")
        if self.mode not in MODES:
            raise ValueError(f"mode: must be one of {', '.join(MODES)}, not {self.mode!r}")


class Evidence:
    """The e-values of all ordered pairs of arms, batch by batch."""

    def __init__(self, runs: int, arms: int, alpha: float) -> None:
        self._pairs = np.array(list(itertools.permutations(range(arms), 2)), dtype=np.int64).reshape(-1, 2).T
        shape = (runs, self._pairs.shape[1])
        self._logs = np.zeros((*shape, len(LOG_ODDS_RATIOS)))
        self._users, self._reward, self._highest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._threshold = math.log(arms / alpha)
        self._arms, self._looks = arms, 0
        self.leaders = np.full(runs, NOBODY)
        self.decided_at = np.full(runs, NOBODY)

    def add(self, users: Floats, rewards: Floats) -> None:
        """Takes in what one look finds closed: first outcomes [runs, arms], or zeros."""
        a, b = self._pairs
        both = (users[:, a] > 0) & (users[:, b] > 0)
        if both.any():
            logs = _log_batch(users[:, a], rewards[:, a], users[:, b], rewards[:, b], self._means())
            self._logs += np.where(both[..., None], logs, 0)
            self._highest = np.maximum(self._highest, np.where(both, _log_mean(self._logs), -np.inf))
        self._users += users[:, a] + users[:, b]
        self._reward += rewards[:, a] + rewards[:, b]
        self._name()
        self._looks += 1

    @property
    def e_values(self) -> Floats:
        """[runs, arms, arms]: the highest so far for "the first is better than the second"; nan on the diagonal."""
        table = np.full((len(self.leaders), self._arms, self._arms), np.nan)
        table[:, self._pairs[0], self._pairs[1]] = np.exp(np.minimum(self._highest, math.log(LARGEST)))
        return table

    def _means(self) -> Floats:
        """The overall means tried on the next batch, on the last axis."""
        means = ((self._reward + 0.5) / (self._users + 1))[..., None]
        if self._users.all():
            return means
        return np.where(self._users[..., None] > 0, means, np.array(FIRST_MEANS))

    def _name(self) -> None:
        """Names a leader where there is none yet and an arm's every pair has passed."""
        passed = self._highest >= self._threshold
        for arm in range(self._arms if self._arms > 1 else 0):
            named = (self.leaders == NOBODY) & passed[:, self._pairs[0] == arm].all(axis=1)
            self.leaders[named] = arm
            self.decided_at[named] = self._looks


def _log_batch(users_a: Floats, reward_a: Floats, users_b: Floats, reward_b: Floats, means: Floats) -> Floats:
    """Log of S [runs, pairs, ratios], averaged over `means` [runs, pairs, means]."""
    users_a, reward_a, users_b, reward_b = (x[..., None, None] for x in (users_a, reward_a, users_b, reward_b))
    centre = np.log(means / (1 - means))[:, :, None]
    half = np.array(LOG_ODDS_RATIOS)[:, None] / 2
    p_a, p_b = 1 / (1 + np.exp(-centre - half)), 1 / (1 + np.exp(-centre + half))
    p_0 = (users_a * p_a + users_b * p_b) / np.maximum(users_a + users_b, 1)
    p_0 = np.where(users_a + users_b > 0, p_0, p_a)
    return _log_mean(
        _log_likelihood_ratio(users_a, reward_a, p_a, p_0) + _log_likelihood_ratio(users_b, reward_b, p_b, p_0)
    )


def _log_likelihood_ratio(users: Floats, reward: Floats, mean: Floats, null: Floats) -> Floats:
    ratio: Floats = reward * np.log(mean / null) + (users - reward) * np.log((1 - mean) / (1 - null))
    return ratio


def _log_mean(logs: Floats) -> Floats:
    """Along the last axis, the log of the mean of the numbers with these logarithms."""
    most = logs.max(axis=-1, keepdims=True)
    mean: Floats = most[..., 0] + np.log(np.exp(logs - most).mean(axis=-1))
    return mean


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Of each run: `leader` (NOBODY while running) and `decided_at`, the interval at whose end it was named."""

    leader: NDArray[np.int64]
    decided_at: NDArray[np.int64]

    @property
    def status(self) -> list[str]:
        return [RUNNING if leader == NOBODY else DECIDED for leader in self.leader]


def verdicts(users: Floats, rewards: Floats, alpha: float) -> Decisions:
    """What first outcomes [runs, looks, arms], look by look, prove in each run: `stopping.verdict` for all runs."""
    evidence = Evidence(users.shape[0], users.shape[2], SequentialTest(alpha).alpha)
    for look in range(users.shape[1]):
        evidence.add(users[:, look], rewards[:, look])
    return Decisions(evidence.leaders, evidence.decided_at)
