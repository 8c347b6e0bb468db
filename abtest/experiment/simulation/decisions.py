"""The always-valid test of abtest.experiment.evidence.stopping in all runs at once; formulas and proof are there."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.e_values import LARGEST
from abtest.experiment.evidence.stopping import WEIGHTS, log_factors, threshold_of
from abtest.experiment.evidence.stopping import log_sum_last as log_sum
from abtest.experiment.record.experiment import DECIDED, EQUIVALENT, RUNNING
from abtest.experiment.record.settings import MODES

NOBODY = -1  # no leader; no interval in which the test ended


@dataclasses.dataclass(frozen=True)
class SequentialTest:
    """The test at the end of every interval, and what follows from it.

    `alpha` (0..1, both excluded) bounds the chance of a false verdict. `margin` (0..1, both excluded; None: never) is
    the difference of rates below which all arms are equivalent to the first, the champion; it then has all new users.
    In mode "earn_first" the strategy's shares go on after a leader was named; in "learn_first" every arm has at least
    `floor` (0 to 1/arms) until then, and the leader all new users afterwards.
    """

    alpha: float = 0.05
    mode: str = "earn_first"
    floor: float = 0.0
    margin: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha: must be between 0 and 1, not {self.alpha!r}")
        if self.mode not in MODES:
            raise ValueError(f"mode: must be one of {', '.join(MODES)}, not {self.mode!r}")
        if self.margin is not None and not 0 < self.margin < 1:
            raise ValueError(f"margin: must be between 0 and 1, not {self.margin!r}")


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Of each run: `leader` (NOBODY if none was named), `equivalent`, and `decided_at`, the interval at whose end."""

    leader: NDArray[np.int64]
    equivalent: NDArray[np.bool_]
    decided_at: NDArray[np.int64]

    @property
    def status(self) -> list[str]:
        pairs = zip(self.leader, self.equivalent, strict=True)
        return [DECIDED if leader != NOBODY else EQUIVALENT if same else RUNNING for leader, same in pairs]


class Evidence:
    """The e-values for "a's mean exceeds b's by more than `difference`" for some pairs (a, b); in logarithms."""

    def __init__(self, runs: int, pairs: Sequence[tuple[int, int]], difference: float = 0.0) -> None:
        self.a, self.b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        self._difference = difference
        shape = (runs, len(self.a))
        self._logs = np.tile(np.log(WEIGHTS), (*shape, 1))
        self._users, self._reward = np.zeros((2, *shape)), np.zeros((2, *shape))  # of a, and of b
        self.highest = np.zeros(shape)

    def add(self, users: Floats, rewards: Floats) -> None:
        """Takes a batch in: [runs, arms]."""
        n = np.stack([users[:, self.a], users[:, self.b]])
        s = np.stack([rewards[:, self.a], rewards[:, self.b]])
        both = (n[0] > 0) & (n[1] > 0)
        if both.any():
            earlier = self._users, self._reward
            logs = log_factors(np.where(both, n, 1), np.where(both, s, 0), *earlier, self._difference)
            self._logs += np.where(both[..., None], logs, 0)
            self.highest = np.maximum(self.highest, log_sum(self._logs))
        self._users += n
        self._reward += s


class Monitor:
    """`stopping.verdict` for all runs, look by look."""

    def __init__(self, runs: int, arms: int, test: SequentialTest) -> None:
        self._enough = math.log(threshold_of(arms, test.alpha, test.margin))
        self._better = Evidence(runs, list(itertools.permutations(range(arms), 2)))
        challengers = range(1, arms) if test.margin is not None else ()
        close = [pair for arm in challengers for pair in ((0, arm), (arm, 0))]
        self._close = Evidence(runs, close, -(test.margin or 0.0))
        self._arms = arms
        undecided = np.full(runs, NOBODY)
        self.decisions = Decisions(undecided, np.zeros(runs, dtype=bool), undecided.copy())

    def look(self, users: Floats, rewards: Floats, at: int) -> None:
        """Takes in what the look at the end of interval `at` finds closed: first outcomes [runs, arms]."""
        self._better.add(users, rewards)
        self._close.add(users, rewards)
        passed = self._better.highest >= self._enough
        for arm in range(self._arms if self._arms > 1 else 0):
            named = self.running & passed[:, self._better.a == arm].all(axis=1)
            self.decisions.leader[named] = arm
            self.decisions.decided_at[named] = at
        if len(self._close.a):
            same = self.running & (self._close.highest >= self._enough).all(axis=1)
            self.decisions.equivalent[same] = True
            self.decisions.decided_at[same] = at

    @property
    def running(self) -> NDArray[np.bool_]:
        """[runs]"""
        running: NDArray[np.bool_] = self.decisions.decided_at == NOBODY
        return running

    @property
    def e_values(self) -> Floats:
        """[runs, arms, arms]: the highest so far for "the first is better than the second"; nan on the diagonal."""
        table = np.full((len(self.running), self._arms, self._arms), np.nan)
        table[:, self._better.a, self._better.b] = np.exp(np.minimum(self._better.highest, math.log(LARGEST)))
        return table
