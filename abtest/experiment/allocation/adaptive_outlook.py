"""What arms with mixtures of Beta posteriors promise: P(best), expected regret, information, by sums over a grid.

Components are taken as normal on the logit scale, with the moments of their Beta. Arrays are [runs, arms].
"""

import dataclasses

import numpy as np

from abtest.experiment.allocation.adaptive_filter import Mixture
from abtest.experiment.arrays import Floats

HEAVIEST = 5  # components of an arm that count
FINE = 11  # nodes across each of an arm's two heaviest components
COARSE = 24  # nodes across all components
REACH = 5.0  # deviations of a component that nodes cover
GROUP = 100_000  # numbers worked on at once, to stay in the processor's cache
TINY = 1e-300
ALIKE = 1e-9  # a smaller relative difference is none


@dataclasses.dataclass(frozen=True)
class Outlook:
    """[runs, arms] each.

    `best` is P(best). `regret` is the expected rate of the best arm less the arm's own, above 0. `information` is the
    variance of the arm's expected rate given which arm is the best (Russo and Van Roy's v).
    """

    best: Floats
    regret: Floats
    information: Floats


def outlook(mixture: Mixture) -> Outlook:
    """The outlook of each run's arms."""
    runs, arms, _ = mixture.a.shape
    heavy = np.argsort(mixture.log_weight, axis=2)[..., -HEAVIEST:]
    weight, a, b = (np.take_along_axis(x, heavy, 2) for x in (mixture.weight, mixture.a, mixture.b))
    weight = weight / weight.sum(axis=2, keepdims=True)
    mean, deviation = _logit_moments(a, b)
    group = max(1, GROUP // (arms * HEAVIEST * (2 * arms * FINE + COARSE)))
    starts = range(0, runs, group)
    parts = [_outlook(*(x[start : start + group] for x in (weight, mean, deviation))) for start in starts]
    return Outlook(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _outlook(weight: Floats, mean: Floats, deviation: Floats) -> tuple[Floats, Floats, Floats]:
    """Of components [runs, arms, components], ordered by weight."""
    nodes = _nodes(mean, deviation)
    below = _normal_cdf((nodes[:, None, None] - mean[..., None]) / deviation[..., None])
    below = (weight[:, :, None] @ below)[:, :, 0]  # [runs, arms, nodes]
    below[..., 0], below[..., -1] = 0.0, 1.0
    mass = np.maximum(np.diff(below, axis=2), 0.0)
    rate = 1 / (1 + np.exp(-(nodes[:, 1:] + nodes[:, :-1]) / 2))[:, None]
    middle = np.maximum((below[..., 1:] + below[..., :-1]) / 2, TINY)
    log_below = np.log(middle)
    wins = mass * np.exp(log_below.sum(axis=1, keepdims=True) - log_below)
    won = np.maximum(wins.sum(axis=2), TINY)
    best = won / won.sum(axis=1, keepdims=True)
    earned = mass * rate
    expected = earned.sum(axis=2) / mass.sum(axis=2)
    # An arm's expected rate given the winner, which is above it, or which it is.
    capped = (np.cumsum(earned, axis=2) - earned / 2) / middle
    given = (wins @ capped.transpose(0, 2, 1)) / won[..., None]
    arms = np.arange(mean.shape[1])
    given[:, arms, arms] = (wins * rate).sum(axis=2) / won
    top = (best * given[:, arms, arms]).sum(axis=1, keepdims=True)
    information = (best[:, None] @ (given - expected[:, None]) ** 2)[:, 0]
    return best, np.maximum(top - expected, 1e-15), information


def _nodes(mean: Floats, deviation: Floats) -> Floats:
    """Logits [runs, nodes], ascending: fine where the heaviest components are, coarse over all."""
    spread = deviation[..., -2:, None] * np.linspace(-REACH, REACH, FINE)
    fine = (mean[..., -2:, None] + spread).reshape(len(mean), -1)
    low, high = (mean - REACH * deviation).min(axis=(1, 2)), (mean + REACH * deviation).max(axis=(1, 2))
    coarse = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, COARSE)
    return np.sort(np.concatenate([fine, coarse], axis=1), axis=1)


def information_directed(regret: Floats, information: Floats) -> Floats:
    """The shares that minimise (expected regret)^2 / information, on two arms.

    For arms i and j and the share q of i, the ratio is (d_j + q (d_i - d_j))^2 / (v_j + q (v_i - v_j)): convex in q,
    with its least value where the derivative is 0 or at an end. Ties are shared, so there may be more arms.
    """
    first, second = np.triu_indices(regret.shape[1], 1)
    d, v = regret[:, second], information[:, second] + TINY
    slope, gain = regret[:, first] - d, information[:, first] - information[:, second]
    alike = (np.abs(slope) <= ALIKE * d) & (np.abs(gain) <= ALIKE * v)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        root = np.nan_to_num((gain * d - 2 * slope * v) / (slope * gain), nan=0.5, posinf=1.0, neginf=0.0)
    shares = np.stack([np.where(alike, 0.5, np.clip(root, 0, 1)), np.zeros_like(d), np.ones_like(d)])
    ratios = (d + shares * slope) ** 2 / np.maximum(v + shares * gain, TINY)
    choice = np.where(alike, 0, ratios.argmin(axis=0))[None]
    share, ratio = (np.take_along_axis(x, choice, 0)[0] for x in (shares, ratios))
    # Pairs as good as the best one share evenly: rounding must not tell arms apart by their place.
    chosen = ratio <= ratio.min(axis=1, keepdims=True) * (1 + ALIKE)
    part = chosen / chosen.sum(axis=1, keepdims=True)
    places = np.eye(regret.shape[1])
    result: Floats = (part * share) @ places[first] + (part * (1 - share)) @ places[second]
    return result


def _logit_moments(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the logit of a Beta: differences of digamma, sums of trigamma."""
    (digamma_a, trigamma_a), (digamma_b, trigamma_b) = _polygamma(a), _polygamma(b)
    return digamma_a - digamma_b, np.sqrt(trigamma_a + trigamma_b)


def _polygamma(x: Floats) -> tuple[Floats, Floats]:
    """Digamma and trigamma for x above 0: their asymptotic series, six steps up."""
    z = x + 6
    digamma = np.log(z) - 1 / (2 * z) - 1 / (12 * z**2) + 1 / (120 * z**4)
    trigamma = 1 / z + 1 / (2 * z**2) + 1 / (6 * z**3) - 1 / (30 * z**5)
    for step in range(6):
        digamma -= 1 / (x + step)
        trigamma += 1 / (x + step) ** 2
    return digamma, trigamma


def _normal_cdf(z: Floats) -> Floats:
    """To 1.4e-4, and rising: Bowling et al., "A logistic approximation to the cumulative normal distribution" (2009).

    Nearly all time is spent here, and numpy has no error function.
    """
    power = z * z
    power *= -0.07056
    power -= 1.5976
    power *= z
    np.clip(power, -700, 700, out=power)
    np.exp(power, out=power)
    power += 1
    return np.reciprocal(power, out=power)
