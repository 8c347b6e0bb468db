"""What open cohorts can already tell: the distribution of conversion delays, and invocations weighted by it.

An invocation of age a has shown the share F(a) of the reward that it will bring, so it counts F(a) of a trial, with the
reward that has come so far: expected reward over expected trials is the rate, at every age. This is the estimator of
Vernade, Cappé and Perchet, "Stochastic Bandit Models for Delayed Conversions" (2017), with F estimated.

F is read from closed cohorts only. There every delay up to the window has had its time; in open ones short delays are
seen first, and F read from them would be too high, all the more the younger the experiment is.
"""

import bisect
import dataclasses
import datetime
import itertools
import math
from collections.abc import Iterable, Sequence

from abtest.experiment.columns import Cell
from abtest.experiment.trials import Trial

LEAST_CONVERSIONS = 30  # F is then known to 0.09 (standard error) or better, and its error is the same for all variants
DIGITS = 6  # of weighted trials, which keeps a long history small


@dataclasses.dataclass(frozen=True)
class Delays:
    """F, the share of a cohort's reward that has come by an age: a step at each of `ages` (seconds, ascending)."""

    ages: tuple[float, ...]
    reward: tuple[float, ...]  # brought up to each of the ages, ascending

    def share(self, age: float) -> float:
        """F(age in seconds), 0..1."""
        index = bisect.bisect_right(self.ages, age)
        return self.reward[index - 1] / self.reward[-1] if index else 0.0


def delays_of(closed: Iterable[Trial]) -> Delays | None:
    """The distribution in these trials, all of them closed; None while there are too few conversions to know it.

    Conversions of unequal reward count as Kish's effective number, (sum of rewards)^2 / sum of their squares.
    """
    seen = sorted((trial.delay_seconds, trial.reward(trial.closed_at)) for trial in closed if trial.converted)
    reward = [earned for _, earned in seen]
    if math.fsum(reward) ** 2 < LEAST_CONVERSIONS * math.fsum(earned**2 for earned in reward) or not any(reward):
        return None
    return Delays(tuple(delay for delay, _ in seen), tuple(itertools.accumulate(reward)))


def weight(trial: Trial, delays: Delays | None, as_of: datetime.datetime) -> float:
    """What the trial counts at `as_of`, 0..1: a closed one 1, an open one F(its age), or 0 while F is not known."""
    if trial.closed_at <= as_of:
        return 1.0
    return delays.share((as_of - trial.invocation.timestamp).total_seconds()) if delays else 0.0


def weighted_cells(
    trials: Iterable[Trial], ends: Sequence[datetime.datetime], delays: Delays | None
) -> tuple[Cell, ...]:
    """The trials of one variant, weighted at the last of `ends`, in the intervals that end there, by invocation.

    Every cell has 0 <= reward <= trials, and they add up to the variant's weighted trials and reward.
    """
    as_of = ends[-1]
    groups: list[list[Cell]] = [[] for _ in ends]
    for trial in trials:
        if trial.closed_at <= as_of or delays:
            cell = weight(trial, delays, as_of), trial.reward(as_of)
            groups[bisect.bisect_left(ends, trial.invocation.timestamp)].append(cell)
    return valid([_sum(cells) for cells in groups])


def _sum(cells: Iterable[Cell]) -> Cell:
    cells = list(cells)
    return round(math.fsum(trials for trials, _ in cells), DIGITS), math.fsum(reward for _, reward in cells)


def valid(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells, oldest first, with those that hold more reward than trials pooled with their neighbours.

    Young invocations count for little, so a conversion among them can exceed their trials. To cut its reward or to lift
    the trials would read too low a rate, and to leave out the cell would too; pooled, both sums stay. Older cells take
    it first, then newer ones. Only a variant whose whole reward exceeds its trials has it cut, until trials follow.
    """
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
