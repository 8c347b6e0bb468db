"""Adaptive: traffic shares that weigh what an arm costs against what its traffic teaches, while rates may change.

The shares are those of variance-based information-directed sampling (Russo and Van Roy, "Learning to optimize via
information-directed sampling", 2018, section 6) with some of Thompson's P(best), both under the beliefs of
abtest.experiment.adaptive_filter. Why so, and what else was tried: docs/decisions/0008-adaptive.md.

Arrays are [runs, arms]: a simulation moves all its runs at once, a single experiment is one run.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from abtest.experiment.adaptive_filter import IDLE, Filter
from abtest.experiment.adaptive_outlook import information_directed, outlook
from abtest.experiment.log_gamma import Floats
from abtest.experiment.posterior import Trials

Arm: TypeAlias = tuple[Trials, ...]  # an arm's intervals, oldest first

FEW_CONVERSIONS = 10.0  # in an interval: there half of the shares is P(best)'s, and far above it nothing
# Whom to name is asked with jumps this many times as likely as for shares: being alert to jumps costs little where
# traffic follows the evidence anyway, but a name given for a jump that was none is wrong.
NAMING = 0.1
STEP = 50  # intervals


@dataclasses.dataclass(frozen=True)
class Beliefs:
    """What the intervals so far make believe of the arms; immutable: `after` makes new ones."""

    filter: Filter

    @classmethod
    def start(cls, runs: int, arms: int, idle: float = IDLE) -> "Beliefs":
        """Before any trial: every rate equally likely. `idle`: how often idle arms are taken to jump (`Filter`)."""
        return cls(Filter.start(runs, arms, idle))

    def after(self, trials: Floats, rewards: Floats) -> "Beliefs":
        """Takes one interval in, [runs, arms]; `rewards` from 0 to `trials`; neither need be whole."""
        return Beliefs(self.filter.after(trials, rewards))

    def best(self) -> Floats:
        """P(best) from now on, for who must name an arm, [runs, arms]; rows sum to 1."""
        return outlook(self.filter.mixture.had_jumps_been(NAMING)).best

    def shares(self) -> Floats:
        """For the next interval, [runs, arms]; rows sum to 1."""
        if self.filter.trials.shape[1] == 1:
            return np.ones_like(self.filter.trials)
        seen = outlook(self.filter.mixture)
        conversions = self.filter.rewards.sum(axis=1, keepdims=True) / max(self.filter.intervals, 1)
        part = conversions**2 / (conversions**2 + FEW_CONVERSIONS**2)
        shares: Floats = part * information_directed(seen.regret, seen.information) + (1 - part) * seen.best
        return shares


def adaptive_shares(counts: Sequence[Trials], history: Sequence[Sequence[Trials]]) -> list[float]:
    """Of one experiment: `history` holds its intervals, oldest first; what else is in `counts` came before them."""
    return [float(share) for share in _after(counts, history).shares()[0]]


def adaptive_best(counts: Sequence[Trials], history: Sequence[Sequence[Trials]]) -> list[float]:
    """P(best) of each arm from now on; arguments as above."""
    return [float(probability) for probability in _after(counts, history).best()[0]]


def _after(counts: Sequence[Trials], history: Sequence[Sequence[Trials]]) -> Beliefs:
    arms = [_arm(total, [interval[index] for interval in history]) for index, total in enumerate(counts)]
    if not any(trials for arm in arms for trials, _ in arm[:1]):
        arms = [arm[1:] for arm in arms]
    return _beliefs(tuple(arms))


def _arm(total: Trials, intervals: Sequence[Trials]) -> Arm:
    """The arm's intervals, with what is in none of them before the first."""
    trials = sum(float(n) for n, _ in intervals)
    reward = sum(float(s) for _, s in intervals)
    earlier = max(total[0] - trials, 0.0)
    earlier = earlier if earlier > 1e-6 else 0.0
    return (earlier, min(max(total[1] - reward, 0.0), earlier)), *((float(n), float(s)) for n, s in intervals)


@functools.lru_cache(maxsize=512)
def _beliefs(arms: tuple[Arm, ...]) -> Beliefs:
    """Remembered, since the next question is often of the same intervals and one more."""
    intervals = len(arms[0])
    if not intervals:
        return Beliefs.start(1, len(arms))
    for length in range(STEP, intervals, STEP):
        _beliefs(tuple(arm[:length] for arm in arms))  # so that no recursion is deeper than STEP
    trials, rewards = np.array([arm[-1] for arm in arms]).T[:, None, :]
    return _beliefs(tuple(arm[:-1] for arm in arms)).after(trials, rewards)
