"""The probability that each arm is the best, of many runs at once, to 1e-6: `posterior` gives ten digits of one run.

A simulation asks for a thousand runs after every interval, which takes `posterior` sixty times as long. The densities
are the same, on the logit scale. Each run has its own Gauss-Legendre panels, equal parts of the measure
1/(narrowest deviation there), so that none is much wider than the narrowest density on it.
"""

import math

import numpy as np

from abtest.experiment.allocation.log_gamma import stirling_error
from abtest.experiment.allocation.quadrature import ORDER, rule
from abtest.experiment.arrays import Floats

PANEL_WIDTH = 2.75  # deviations of the narrowest density on a panel
NEGLIGIBLE = 19.0  # beyond a density of e**-19 of the peak nothing is integrated
GROUP = 250_000  # densities evaluated at once, to stay in the cache


class _Posteriors:
    """Beta(1 + rewards, 1 + trials - rewards) on the logit scale; all [runs, arms]."""

    def __init__(self, trials: Floats, rewards: Floats) -> None:
        a, b = 1 + rewards, 1 + trials - rewards
        n = a + b
        self.n = n
        self.mode = np.log(a / b)
        self.deviation = np.sqrt(1 / a + 1 / b)
        # Mirrored where a > b, as in Posterior: no digits are lost.
        self.side = np.where(a <= b, 1.0, -1.0)
        self.few = np.minimum(a, b)
        self.share = self.few / n
        self.log_peak = (
            0.5 * np.log(a * b / (2 * math.pi * n)) + stirling_error(n) - stirling_error(a) - stirling_error(b)
        )
        self.low = self.mode + self._tail(-1.0)
        self.high = self.mode + self._tail(1.0)

    def _log_ratio(self, u: Floats) -> Floats:
        return self.few * u - self.n * np.log1p(self.share * np.expm1(u))

    def _tail(self, sign: float) -> Floats:
        """From the mode to where the density is negligible: doubling, then Newton from the outside."""
        side = sign * self.side
        u = 6 * side * self.deviation
        for _ in range(60):
            inside = self._log_ratio(u) > -NEGLIGIBLE
            if not inside.any():
                break
            u = np.where(inside, 2 * u, u)
        for _ in range(4):
            slope = self.few - self.n * self.share * np.exp(u) / (1 + self.share * np.expm1(u))
            u = u - np.minimum(self._log_ratio(u) + NEGLIGIBLE, 0) / slope
        return u * self.side

    def densities(self, t: Floats) -> Floats:
        """[runs, arms, panels, nodes] at `t` [runs, panels, nodes]."""
        few, n, share, log_peak = (x[:, :, None, None] for x in (self.few, self.n, self.share, self.log_peak))
        u = t[:, None] - self.mode[:, :, None, None]
        u *= self.side[:, :, None, None]
        # Far out the logarithm would overflow; the density is 0 there long before.
        np.clip(u, -600, 600, out=u)
        ratio = np.expm1(u)
        ratio *= share
        np.log1p(ratio, out=ratio)
        ratio *= -n
        u *= few
        u += ratio
        u += log_peak
        return np.exp(u, out=u)


def probability_best(trials: Floats, rewards: Floats) -> Floats:
    """[runs, arms] of [runs, arms]: the probability that each arm has the highest mean reward, to 1e-6.

    `trials` are 0 or more, `rewards` from 0 to `trials`, neither need be whole; prior Beta(1, 1); rows sum to 1. What
    a run gets does not depend on the others.
    """
    best = np.ones_like(trials)
    if not best.size or trials.shape[1] == 1:
        return best
    corners, measure = _measure(_Posteriors(trials, rewards))
    panels = np.ceil(measure[:, -1] / PANEL_WIDTH).astype(int)
    for count in np.unique(panels):
        group = np.flatnonzero(panels == count)
        size = max(1, GROUP // (trials.shape[1] * int(count) * ORDER))
        for part in np.split(group, range(size, len(group), size)):
            edges = _edges(corners[part], measure[part], int(count))
            best[part] = _best(_Posteriors(trials[part], rewards[part]), edges)
    return best


def _best(posteriors: _Posteriors, edges: Floats) -> Floats:
    half = np.diff(edges)[:, :, None] / 2
    nodes, weights, above = (np.array(part) for part in rule())
    mass = half[:, None] * posteriors.densities(edges[:, :-1, None] + half * (1 + nodes))
    panels = mass @ weights
    later = np.cumsum(panels[..., ::-1], axis=-1)[..., ::-1] - panels
    below = np.clip(1 - later[..., None] - mass @ above.T, 0, 1)
    best = ((mass * _products_of_others(below)) @ weights).sum(axis=2)
    shares: Floats = best / best.sum(axis=1, keepdims=True)
    return shares


def _measure(posteriors: _Posteriors) -> tuple[Floats, Floats]:
    """Where the narrowest density changes, and the integral of 1/(its deviation) up to there, both [runs, corners].

    The first corner is where the last density begins, the last one where the last density ends.
    """
    low, high = posteriors.low.max(axis=1, keepdims=True), posteriors.high.max(axis=1, keepdims=True)
    # A panel that begins where wide densities are and ends in a narrow one must meet next to nothing of that.
    margin = PANEL_WIDTH * posteriors.deviation
    begins, ends = posteriors.low - margin, posteriors.high + margin
    corners = np.sort(np.clip(np.concatenate([begins, ends], axis=1), low, high), axis=1)
    middles = (corners[:, 1:] + corners[:, :-1]) / 2
    covered = (begins[:, None] < middles[..., None]) & (middles[..., None] < ends[:, None])
    fineness = np.where(covered, 1 / posteriors.deviation[:, None], 0).max(axis=2)
    return corners, np.concatenate([np.zeros_like(low), np.cumsum(fineness * np.diff(corners), axis=1)], axis=1)


def _edges(corners: Floats, measure: Floats, count: int) -> Floats:
    """[runs, count + 1]: of panels of equal measure; by linear interpolation in each run's own table."""
    wanted = measure[:, -1:] * (np.arange(count + 1) / count)
    index = np.clip((measure[:, None, :] <= wanted[..., None]).sum(axis=2) - 1, 0, measure.shape[1] - 2)
    at, width = np.take_along_axis(measure, index, 1), np.take_along_axis(np.diff(measure), index, 1)
    start, length = np.take_along_axis(corners, index, 1), np.take_along_axis(np.diff(corners), index, 1)
    part = np.divide(wanted - at, width, out=np.zeros_like(at), where=width > 0)
    edges: Floats = start + length * np.minimum(part, 1)
    return edges


def _products_of_others(values: Floats) -> Floats:
    """Along axis 1, for each value the product of all others."""
    before, after = np.ones_like(values), np.ones_like(values)
    np.cumprod(values[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumprod(values[:, :0:-1], axis=1)[:, ::-1]
    return before * after
