"""What open cohorts can already tell: how late conversions come, and invocations weighted by it.

An invocation whose window is still open counts only as much as conversions usually have arrived by that age: at age a
it has shown the share F(a) of the reward that it will bring, so it counts F(a) of a trial, with the reward that has
come so far. Expected reward over expected trials is then the rate, at every age. This is the estimator of Vernade,
Cappé and Perchet, "Stochastic Bandit Models for Delayed Conversions" (2017), with F estimated.

F is read from closed cohorts only. There every delay up to the window has had its time; in open ones short delays are
seen first, and F read from them would be too high, all the more the younger the experiment is.

Arrays are [runs, ...]: a simulation reads all its runs at once, an experiment is one run.
"""

import dataclasses
import math

import numpy as np

from abtest.experiment.arrays import Floats

LEAST_CONVERSIONS = 30  # F is then known to 0.09 (standard error) or better, and its error is the same for all variants


def seen_by_age(reward: Floats, conversions: Floats) -> Floats:
    """F, the share of a cohort's reward that has come by each age, 0..1; 0 while there are too few conversions.

    `reward` [..., ages] is what closed cohorts had brought by each age, ascending; the last is all. `conversions` [...]
    brought it; where their rewards differ, Kish's effective number, (sum of rewards)^2 / sum of their squares.
    """
    known = (conversions >= LEAST_CONVERSIONS)[..., None]
    return np.divide(reward, reward[..., -1:], out=np.zeros_like(reward), where=known)


@dataclasses.dataclass(frozen=True)
class Delays:
    """F as read from single conversions: it rises at each of `ages` (seconds, ascending) to `shares` (0..1)."""

    ages: Floats
    shares: Floats

    def by(self, ages: Floats) -> Floats:
        """F(age in seconds) of each, 0..1."""
        steps = np.concatenate([[0.0], self.shares])
        found: Floats = steps[np.searchsorted(self.ages, ages, side="right")]
        return found


def delays_of(delays: Floats, reward: Floats) -> Delays | None:
    """F from the conversions of closed cohorts, with their delays in seconds; None while there are too few."""
    total, squares = math.fsum(reward), math.fsum(reward**2)
    order = np.lexsort((reward, delays))
    shares = seen_by_age(np.cumsum(reward[order]), np.asarray(total**2 / squares if squares else 0.0))
    return Delays(delays[order], shares) if shares.any() else None


def valid(trials: Floats, rewards: Floats) -> tuple[Floats, Floats]:
    """The cells [runs, intervals, arms] with those that hold more reward than trials pooled with their neighbours.

    Young invocations count for little, so a conversion among them can exceed their trials. To cut its reward or to lift
    the trials would read too low a rate, and to leave out the cell would too; pooled, both sums stay. Older intervals
    take it first, then newer ones. Only an arm whose whole reward exceeds its trials has it cut, until trials follow.
    """
    if (rewards <= trials).all():
        return trials, rewards
    trials, rewards, last = trials.copy(), rewards.copy(), trials.shape[1] - 1
    for step, intervals in ((-1, range(last, 0, -1)), (1, range(last))):
        for interval in intervals:
            excess = rewards[:, interval] > trials[:, interval]
            if excess.any():
                for cells in (trials, rewards):
                    cells[:, interval + step] += np.where(excess, cells[:, interval], 0)
                    cells[:, interval][excess] = 0
    return trials, np.minimum(rewards, trials)
