"""Adaptive: traffic shares that weigh what an arm costs against what its traffic teaches, while rates may change.

The shares are those of variance-based information-directed sampling (Russo and Van Roy, "Learning to optimize via
information-directed sampling", 2018, section 6) with some of Thompson's P(best), both under the beliefs of
abtest.experiment.allocation.adaptive_filter. Why so, and what else was tried: docs/decisions/0008-adaptive.md.

Arrays are [runs, arms]: a simulation moves all its runs at once, a single experiment is one run.
"""

import dataclasses

import numpy as np

from abtest.experiment.allocation.adaptive_filter import IDLE, Filter
from abtest.experiment.allocation.adaptive_outlook import information_directed, outlook
from abtest.experiment.arrays import Floats

FEW_CONVERSIONS = 10.0  # in an interval: there half of the shares is P(best)'s, and far above it nothing
# Whom to name is asked with jumps this many times as likely as for shares: being alert to jumps costs little where
# traffic follows the evidence anyway, but a name given for a jump that was none is wrong.
NAMING = 0.1
STEP = 50  # intervals between beliefs that are remembered
LEAST_TRIALS = 1e-6  # fewer are rounding


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


def believed(counts: Floats, history: Floats, closed: int, idle: float = IDLE) -> Beliefs:
    """What the intervals make believe of the arms, and what came before the first of them.

    `counts` [2, runs, arms] are all trials and rewards; `history` [2, runs, intervals, arms] holds those of each
    interval, oldest first; the attribution windows of the first `closed` are over. `idle` as in `Beliefs.start`.
    """
    trials, rewards = np.maximum(counts - history.sum(axis=2), 0)
    trials[trials <= LEAST_TRIALS] = 0
    if trials.any():
        earlier = np.stack([trials, np.minimum(rewards, trials)])
        history, closed = np.concatenate([earlier[:, :, None], history], axis=2), closed + 1
    return _memory.after(history, closed, idle)


class _Memory:
    """The intervals last asked for, and what was believed after some of them.

    The next question is often of the same and one more, or of the same but the last, where invocations are still open.
    """

    def __init__(self) -> None:
        self._kind: tuple[int, int, float] | None = None  # runs, arms, and how often idle arms jump
        self._intervals = np.zeros((2, 0, 0, 0))
        self._beliefs: dict[int, Beliefs] = {}  # by the number of intervals

    def after(self, intervals: Floats, closed: int, idle: float) -> Beliefs:
        _, runs, length, arms = intervals.shape
        if self._kind != (runs, arms, idle):
            self._kind, self._intervals, self._beliefs = (runs, arms, idle), intervals[:, :, :0], {}
        same = self._same(intervals)
        known = {number: beliefs for number, beliefs in self._beliefs.items() if number <= same}
        start = max(known, default=0)
        beliefs = known.get(start) or Beliefs.start(runs, arms, idle)
        kept = {number: known[number] for number in known if number % STEP == 0} | {start: beliefs}
        for number in range(start + 1, length + 1):
            beliefs = beliefs.after(*intervals[:, :, number - 1])
            if number % STEP == 0 or number in (same, closed, length):
                kept[number] = beliefs
        self._intervals, self._beliefs = intervals, kept
        return beliefs

    def _same(self, intervals: Floats) -> int:
        """How many of the intervals are those of last time."""
        shared = min(self._intervals.shape[2], intervals.shape[2])
        differs = (self._intervals[:, :, :shared] != intervals[:, :, :shared]).any(axis=(0, 1, 3))
        return int(differs.argmax()) if differs.any() else shared


_memory = _Memory()
