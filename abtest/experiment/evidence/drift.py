"""Whether the difference between two variants changes as the experiment goes on.

Interval t closed n_a and n_b users' outcomes, with a difference of mean rewards d_t. If the difference is the
same throughout, d_t has mean delta and variance s**2 / w_t, w_t = n_a n_b / (n_a + n_b), s**2 the variance of one
outcome: at most m (1 - m) for rewards in 0..1 of mean m. The alternative is a trend, delta + beta x_t, in x_t = the
logarithm of the users so far, since what is new wears off quickly at first. With a flat prior on delta and a normal one
of standard deviation TREND s on beta the Bayes factor is

    e = exp(b**2 J r / 2 (1 + r)) / sqrt(1 + r),    r = TREND**2 s**2 J,    J = sum w_t (x_t - x)**2 / s**2

where b is the least-squares slope. Under a flat prior on a location it may be looked at again and again (Hendriksen,
de Heide and Grünwald, "Optional Stopping with Bayes Factors", Bayesian Analysis 2021); that d_t is normal holds for
many outcomes only, which is why there must be LEAST_OUTCOMES. The tests simulate how often it errs.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

from abtest.experiment.evidence.confidence import Stratum, stratified_difference
from abtest.experiment.evidence.e_values import of_log

TREND = 0.05  # expected size of the trend, in standard deviations of one outcome per e-fold of users
LEAST_OUTCOMES = 20  # rewards, and rewards missed: below that the differences are far from normal


@dataclasses.dataclass(frozen=True)
class Drift:
    """`e_value` speaks for a change; `early` and `late` are the differences in the first and second half of users."""

    e_value: float
    early: float
    late: float


def drift(compared: Sequence[Stratum]) -> Drift | None:
    """How the mean reward of a less that of b moved over intervals in which both had users; None if too little came."""
    users = sum(a[0] + b[0] for a, b in compared)
    reward = math.fsum(a[1] + b[1] for a, b in compared)
    if len(compared) < 2 or min(reward, users - reward) < LEAST_OUTCOMES:
        return None
    variance = reward / users * (1 - reward / users)
    so_far = list(itertools.accumulate((a[0] + b[0] for a, b in compared), initial=0))
    middles = [math.log((before + after) / 2) for before, after in itertools.pairwise(so_far)]
    half = sum(after <= users / 2 for after in so_far[1:]) or 1
    early, late = stratified_difference(compared[:half]), stratified_difference(compared[half:])
    return Drift(_bayes_factor(compared, middles, variance), early, late)


def _bayes_factor(batches: Sequence[Stratum], times: Sequence[float], variance: float) -> float:
    weights = [a[0] * b[0] / (a[0] + b[0]) for a, b in batches]
    gaps = [a[1] / a[0] - b[1] / b[0] for a, b in batches]
    total = math.fsum(weights)
    centre = math.fsum(w * x for w, x in zip(weights, times, strict=True)) / total
    spread = math.fsum(w * (x - centre) ** 2 for w, x in zip(weights, times, strict=True))
    products = (w * (x - centre) * gap for w, x, gap in zip(weights, times, gaps, strict=True))
    slope = math.fsum(products) / spread if spread else 0.0
    prior = TREND**2 * spread
    log = slope**2 * spread / variance * prior / (2 * (1 + prior)) - math.log1p(prior) / 2
    return of_log(log)
