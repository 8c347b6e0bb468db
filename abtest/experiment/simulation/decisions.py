"""The always-valid test of `evidence.stopping` at work in all runs of a simulation; formulas and proof are there."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.strategies import EVEN_WHILE_LEARNING
from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.betting import BestTest, PairTest
from abtest.experiment.evidence.e_values import LARGEST
from abtest.experiment.evidence.stopping import champions_pairs, threshold_of
from abtest.experiment.record.experiment import DECIDED, EQUIVALENT, RUNNING
from abtest.experiment.record.settings import EARN_FIRST, MODES

NOBODY = -1  # no leader; no interval in which the test ended


@dataclasses.dataclass(frozen=True)
class SequentialTest:
    """The test at the end of every interval, and what follows from it.

    `alpha` (0..1, both excluded) bounds the chance of a false verdict. `margin` (0..1, both excluded; None: never) is
    the difference of rates below which all arms are equivalent to the first, the champion; it then has all new users.
    In mode "earn_first" new users are drawn by the strategy's shares throughout; in "learn_first" the part `even`
    (0..1) of them evenly over the arms not refuted, until the test is over.
    """

    alpha: float = 0.05
    mode: str = EARN_FIRST
    even: float = EVEN_WHILE_LEARNING
    margin: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha: must be between 0 and 1, not {self.alpha!r}")
        if self.mode not in MODES:
            raise ValueError(f"mode: must be one of {', '.join(MODES)}, not {self.mode!r}")
        if not 0 <= self.even <= 1:
            raise ValueError(f"even: must be from 0 to 1, not {self.even!r}")
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


class Monitor:
    """`stopping.verdict` for all runs, look by look."""

    def __init__(self, runs: int, arms: int, test: SequentialTest) -> None:
        self._enough = math.log(threshold_of(arms, test.alpha, test.margin))
        self._best = BestTest((runs,), np.zeros(arms))
        self._pairs = np.array(champions_pairs(arms) if test.margin is not None else [], np.int64).reshape(-1, 2)
        self._close = PairTest((runs, len(self._pairs)), -(test.margin or 0.0))
        undecided = np.full(runs, NOBODY)
        self.decisions = Decisions(undecided, np.zeros(runs, dtype=bool), undecided.copy())

    def look(self, users: Floats, rewards: Floats, shares: Floats, at: int) -> None:
        """Takes in what the look at the end of interval `at` finds closed.

        First outcomes (users and their rewards) and the shares that drew them are [runs, arms].
        """
        cells = (users, rewards, shares)
        self._best.add(*(each[None] for each in cells))
        refuted = self.refuted
        named = self.running & (refuted.sum(axis=1) == refuted.shape[1] - 1) & (refuted.shape[1] > 1)
        self.decisions.leader[named] = refuted[named].argmin(axis=1)
        self.decisions.decided_at[named] = at
        if len(self._pairs):
            self._close.add(*(each[None][..., self._pairs] for each in cells))
            same = self.running & (self._close.highest >= self._enough).all(axis=1)
            self.decisions.equivalent[same] = True
            self.decisions.decided_at[same] = at

    @property
    def running(self) -> NDArray[np.bool_]:
        """[runs]"""
        running: NDArray[np.bool_] = self.decisions.decided_at == NOBODY
        return running

    @property
    def refuted(self) -> NDArray[np.bool_]:
        """[runs, arms]: which arms are proven not to be a best one."""
        refuted: NDArray[np.bool_] = self._best.highest >= self._enough
        return refuted

    @property
    def e_values(self) -> Floats:
        """[runs, arms]: the highest so far against each arm's being a best one."""
        e_values: Floats = np.exp(np.minimum(self._best.highest, math.log(LARGEST)))
        return e_values
