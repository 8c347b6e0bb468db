"""Finds the most that could be had where a loser may rise: a policy that knows the rates, who may rise and to what.

Its belief is one number, the chance that the arm has risen, so dynamic programming finds the policy that loses least on
average if that happens with a given chance before each interval. What it costs to learn the rates is not in its regret.
"""

import dataclasses
import functools

import numpy as np
from scipy.stats import binom

from abtest.experiment.arrays import Floats

LOW, HIGH, LEADER = 0.04, 0.06, 0.05
INTERVALS, REQUESTS = 50, 1000
VISITS = (0, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 1000)  # to the arm in an interval, of REQUESTS
LOGITS = np.linspace(-9, 9, 241)  # of the belief
SEED = 11


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Holds, of a number of visits, for each number of conversions: the evidence for a rise, and both probabilities."""

    evidence: Floats
    if_low: Floats
    if_high: Floats


@functools.cache
def outcomes(visits: int) -> Outcomes:
    conversions = np.arange(visits + 1)
    evidence = conversions * np.log(HIGH / LOW) + (visits - conversions) * np.log((1 - HIGH) / (1 - LOW))
    return Outcomes(evidence, binom.pmf(conversions, visits, LOW), binom.pmf(conversions, visits, HIGH))


def after_interval(logit: Floats, chance: float) -> Floats:
    """Returns the belief, to which the next interval's chance of a rise is added."""
    risen = 1 / (1 + np.exp(-logit))
    risen = risen + chance * (1 - risen)
    limited: Floats = np.clip(np.log(risen) - np.log1p(-np.minimum(risen, 1 - 1e-12)), LOGITS[0], LOGITS[-1])
    return limited


def best_visits(chance: float) -> list[Floats]:
    """Returns for each interval, at each of LOGITS, the number of visits that loses least from there to the end."""
    risen = 1 / (1 + np.exp(-LOGITS))
    value, chosen = np.zeros_like(LOGITS), []
    for _ in range(INTERVALS):
        losses = []
        for visits in VISITS:
            seen = outcomes(visits)
            likely = (1 - risen)[:, None] * seen.if_low + risen[:, None] * seen.if_high
            then = np.interp(after_interval(LOGITS[:, None] + seen.evidence, chance), LOGITS, value)
            now = (1 - risen) * (LEADER - LOW) * visits + risen * (HIGH - LEADER) * (REQUESTS - visits)
            losses.append(now + (likely * then).sum(axis=1))
        value = np.min(losses, axis=0)
        chosen.append(np.array(VISITS)[np.argmin(losses, axis=0)])
    return chosen[::-1]


def regret(policy: list[Floats], chance: float, rises_at: int | None, runs: int) -> float:
    """Returns the mean over `runs` of the conversions lost where the arm rises before that interval (None: never)."""
    random = np.random.default_rng(SEED)
    logit, lost = np.full(runs, np.log(chance / (1 - chance))), np.zeros(runs)
    for interval, visits_at in enumerate(policy):
        risen = rises_at is not None and interval >= rises_at
        visits = visits_at[np.abs(logit[:, None] - LOGITS).argmin(axis=1)].astype(int)
        lost += (REQUESTS - visits) * (HIGH - LEADER) if risen else visits * (LEADER - LOW)
        conversions = random.binomial(visits, HIGH if risen else LOW)
        evidence = conversions * np.log(HIGH / LOW) + (visits - conversions) * np.log((1 - HIGH) / (1 - LOW))
        logit = after_interval(logit + evidence, chance)
    return float(lost.mean())
