"""Adaptive: traffic shares that weigh what an arm costs against what its traffic teaches, while rates may change.

The shares are those of variance-based information-directed sampling (Russo and Van Roy, "Learning to optimize via
information-directed sampling", 2018, section 6) with some of Thompson's P(best), both under the beliefs of
abtest.experiment.allocation.adaptive_filter. Why so, and what else was tried: docs/decisions/0008-adaptive.md.

Arrays are [runs, arms]: a simulation moves all its runs at once, a single experiment is one run.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from abtest.experiment.allocation.adaptive_filter import IDLE, Filter
from abtest.experiment.allocation.adaptive_outlook import information_directed, outlook
from abtest.experiment.arrays import Floats
from abtest.experiment.record.variants import Trials

Interval: TypeAlias = tuple[Trials, ...]  # of all arms

FEW_CONVERSIONS = 10.0  # in an interval: there half of the shares is P(best)'s, and far above it nothing
# Whom to name is asked with jumps this many times as likely as for shares: being alert to jumps costs little where
# traffic follows the evidence anyway, but a name given for a jump that was none is wrong.
NAMING = 0.1
STEP = 50  # intervals between beliefs that are remembered


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
    arms = range(len(counts))
    earlier = tuple(_earlier(counts[arm], [interval[arm] for interval in history]) for arm in arms)
    intervals = [tuple((float(n), float(s)) for n, s in interval) for interval in history]
    if any(trials for trials, _ in earlier):
        intervals.insert(0, earlier)
    return _memory.after(intervals, len(arms))


def _earlier(total: Trials, intervals: Sequence[Trials]) -> Trials:
    """What is in none of the arm's intervals."""
    trials = max(total[0] - math.fsum(n for n, _ in intervals), 0.0)
    trials = trials if trials > 1e-6 else 0.0
    return trials, min(max(total[1] - math.fsum(s for _, s in intervals), 0.0), trials)


class _Memory:
    """The intervals last asked for, and what was believed after some of them.

    The next question is often of the same and one more, or of the same but the last, where invocations are still open.
    """

    def __init__(self) -> None:
        self._intervals: list[Interval] = []
        self._beliefs: dict[int, Beliefs] = {}

    def after(self, intervals: list[Interval], arms: int) -> Beliefs:
        pairs = zip(self._intervals, intervals, strict=False)
        same = next((index for index, (old, new) in enumerate(pairs) if old != new), len(self._intervals))
        kept = {length: known for length, known in self._beliefs.items() if length <= min(same, len(intervals))}
        known_to = max(kept, default=0)
        beliefs = kept.get(known_to) or Beliefs.start(1, arms)
        for length, interval in enumerate(intervals[known_to:], start=known_to + 1):
            trials, rewards = np.array(interval).T[:, None, :]
            beliefs = beliefs.after(trials, rewards)
            if length % STEP == 0 or length == len(intervals):
                kept[length] = beliefs
        self._intervals, self._beliefs = intervals, kept
        return beliefs


_memory = _Memory()
