"""What open cohorts can already tell: the distribution of conversion delays, and invocations weighted by it.

An invocation of age a has shown the share F(a) of the reward that it will bring, so it counts F(a) of a trial, with the
reward that has come so far: expected reward over expected trials is the rate, at every age. This is the estimator of
Vernade, Cappé and Perchet, "Stochastic Bandit Models for Delayed Conversions" (2017), with F estimated.

F is read from closed cohorts only. There every delay up to the window has had its time; in open ones short delays are
seen first, and F read from them would be too high, all the more the younger the experiment is.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.counting.columns import Cell

LEAST_CONVERSIONS = 30  # F is then known to 0.09 (standard error) or better, and its error is the same for all variants
DIGITS = 6  # of weighted trials, which keeps a long history small


@dataclasses.dataclass(frozen=True)
class Delays:
    """F, the share of a cohort's reward that has come by an age: a step at each of `ages` (seconds, ascending)."""

    ages: Floats
    reward: Floats  # brought up to each of the ages, ascending

    def shares(self, ages: Floats) -> Floats:
        """F(age in seconds) of each, 0..1."""
        steps = np.concatenate([[0.0], self.reward / self.reward[-1]])
        found: Floats = steps[np.searchsorted(self.ages, ages, side="right")]
        return found


def delays_of(delays: Floats, reward: Floats) -> Delays | None:
    """The distribution in conversions of closed cohorts, with their delays in seconds; None while there are too few.

    Conversions of unequal reward count as Kish's effective number, (sum of rewards)^2 / sum of their squares.
    """
    total, squares = math.fsum(reward), math.fsum(reward**2)
    if total**2 < LEAST_CONVERSIONS * squares or not total:
        return None
    order = np.lexsort((reward, delays))
    return Delays(delays[order], np.cumsum(reward[order]))


def weights(ages: Floats, is_closed: NDArray[np.bool_], delays: Delays | None) -> Floats:
    """What trials of these ages (seconds) count, 0..1: a closed one 1, an open one F(its age), or 0 if F is unknown."""
    return np.where(is_closed, 1.0, delays.shares(ages) if delays else 0.0)


def weighted_cells(trials: Floats, reward: Floats, interval: NDArray[np.int64], intervals: int) -> tuple[Cell, ...]:
    """The trials of one variant, weighted, in the intervals in which they were invoked.

    Every cell has 0 <= reward <= trials, and they add up to the variant's weighted trials and reward.
    """
    sums = (np.bincount(interval, of, minlength=intervals).tolist() for of in (trials, reward))
    return valid([(round(n, DIGITS), s) for n, s in zip(*sums, strict=True)])


def _sum(cells: Iterable[Cell]) -> Cell:
    cells = list(cells)
    return round(math.fsum(trials for trials, _ in cells), DIGITS), math.fsum(reward for _, reward in cells)


def valid(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells, oldest first, with those that hold more reward than trials pooled with their neighbours.

    Young invocations count for little, so a conversion among them can exceed their trials. To cut its reward or to lift
    the trials would read too low a rate, and to leave out the cell would too; pooled, both sums stay. Older cells take
    it first, then newer ones. Only a variant whose whole reward exceeds its trials has it cut, until trials follow.
    """
    if all(reward <= trials for trials, reward in cells):
        return tuple(cells)
    older, rest = _pooled(cells[::-1])
    newer, rest = _pooled([_sum([older[-1], rest]), *older[-2::-1]])
    trials, reward = _sum([newer[-1], rest])
    return (*newer[:-1], (trials, min(reward, trials)))


def _pooled(cells: Iterable[Cell]) -> tuple[list[Cell], Cell]:
    """Each cell that is not valid joined to the next one; and what the last one leaves."""
    kept: list[Cell] = []
    rest: Cell = (0.0, 0.0)
    for cell in cells:
        pooled = _sum([cell, rest])
        fits = pooled[1] <= pooled[0]
        kept.append(pooled if fits else (0.0, 0.0))
        rest = (0.0, 0.0) if fits else pooled
    return kept, rest
