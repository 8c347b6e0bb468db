"""Beta posteriors of the arms' mean rewards (prior Beta(1, 1)), integrated numerically, not by simulation.

Everything is done on the logit scale, t = log(x / (1 - x)), where a Beta density with a, b >= 1 is smooth and
log-concave, with no singularity at the ends: Gauss-Legendre panels, as narrow as the narrowest density there needs,
give ten digits.
"""

import bisect
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from operator import mul
from typing import TYPE_CHECKING, TypeVar

from abtest.experiment.allocation.quadrature import integral, integrals_above, panel_nodes, weighted_sum
from abtest.experiment.record.variants import Trials

if TYPE_CHECKING:
    from abtest.experiment.arrays import Floats  # needs numpy, without which this module must load

Number = TypeVar("Number", float, "Floats")

PANEL_WIDTH = 1.5  # in standard deviations of the narrowest density on the panel
NEGLIGIBLE = 34.0  # beyond a density of e**-34 of the peak nothing is integrated


def checked_counts(counts: Sequence[Trials], name: str = "counts") -> list[Trials]:
    """`counts` as pairs of floats; ValueError, beginning with `name`, if there is none or one is out of range."""
    if not counts:
        raise ValueError(f"{name}: must hold at least one arm")
    return [_checked_arm(arm, index, name) for index, arm in enumerate(counts)]


def _checked_arm(arm: Trials, index: int, name: str) -> Trials:
    try:
        trials, reward = (float(number) for number in arm)
    except (TypeError, ValueError):
        raise ValueError(f"{name}[{index}]: must be (trials, reward sum), not {arm!r}") from None
    if not 0 <= trials < math.inf:
        raise ValueError(f"{name}[{index}]: trials must be 0 or more, not {trials}")
    if not 0 <= reward <= trials * (1 + 1e-12):
        raise ValueError(f"{name}[{index}]: the reward sum must be from 0 to its {trials:g} trials, not {reward}")
    return trials, min(reward, trials)


class Posterior:
    """Beta(1 + reward, 1 + trials - reward) on the logit scale; `low` to `high` holds all but about e**-34 of it."""

    def __init__(self, trials: float, reward: float) -> None:
        a, b = 1 + reward, 1 + trials - reward
        self.a, self.b, self.n = a, b, a + b
        self.mode = math.log(a / b)
        self.deviation = math.sqrt(1 / a + 1 / b)
        # Mirrored where a > b: the formula below then loses no digits, however near the peak is to 0 or 1.
        self._side = 1.0 if a <= b else -1.0
        self._few = min(a, b)
        self._share = self._few / self.n
        correction = _stirling(self.n) - _stirling(a) - _stirling(b)
        self._peak = math.sqrt(a * b / (2 * math.pi * self.n)) * math.exp(correction)
        self.low = self.mode + self._tail(-1.0)
        self.high = self.mode + self._tail(1.0)

    def density(self, t: float) -> float:
        """Per unit of logit."""
        return self._peak * math.exp(self._log_ratio(self._side * (t - self.mode)))

    def _log_ratio(self, u: float) -> float:
        """Log of the density over its peak, `u` away from the mode (in the mirrored direction where mirrored)."""
        return self._few * u - self.n * math.log1p(self._share * math.expm1(u))

    def _tail(self, sign: float) -> float:
        """The distance from the mode at which the density is negligible, found by Newton from the outside."""
        side = sign * self._side
        u = side * self.deviation
        while self._log_ratio(u) > -NEGLIGIBLE:
            u *= 2
        for _ in range(20):
            above = self._log_ratio(u) + NEGLIGIBLE
            slope = self._few - self.n * self._share * math.exp(u) / (1 + self._share * math.expm1(u))
            if above >= -0.5:
                break
            u -= above / slope
        return u * self._side

    def cdf(self, t: float) -> float:
        """The probability below `t`."""
        if t <= self.low:
            return 0.0
        if t >= self.high:
            return 1.0
        edges, below = self._table
        panel = bisect.bisect_right(edges, t) - 1
        return min(1.0, below[panel] + integral(self.density, edges[panel], t))

    @functools.cached_property
    def _table(self) -> tuple[list[float], list[float]]:
        """The edges of the panels, and the probability below each."""
        edges = panel_edges([self], self.low, self.high)
        masses = [integral(self.density, low, high) for low, high in itertools.pairwise(edges)]
        return edges, list(itertools.accumulate(masses, initial=0.0))

    def quantile(self, probability: float) -> float:
        """The mean reward, 0..1, below which the posterior puts `probability`."""
        return from_logit(root(lambda t: self.cdf(t) - probability, self.low, self.high))


def _stirling(x: float) -> float:
    """ln gamma(x) less Stirling's formula; the series where lgamma would lose its digits."""
    if x < 20:
        return math.lgamma(x) - ((x - 0.5) * math.log(x) - x + 0.5 * math.log(2 * math.pi))
    return stirling_series(x)


def stirling_series(x: Number) -> Number:
    """ln gamma(x) less Stirling's formula, (x - 1/2) ln x - x + ln(2 pi)/2, to 1e-14 for x of 8 or more."""
    return 1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5) - 1 / (1680 * x**7)


def from_logit(t: float) -> float:
    return 1 / (1 + math.exp(-t)) if t >= 0 else math.exp(t) / (1 + math.exp(t))


def panel_edges(posteriors: Sequence[Posterior], low: float, high: float) -> list[float]:
    """From `low` to `high`, in steps that the narrowest density there can bear; each must begin at or below `low`."""
    edges = [low]
    while edges[-1] < high:
        here = [posterior for posterior in posteriors if posterior.high > edges[-1]]
        width = PANEL_WIDTH * min(posterior.deviation for posterior in here)
        edges.append(min(high, edges[-1] + width))
    return edges


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing `function` crosses 0, to 1e-12 of the interval, by bisection and false position in turn."""
    at_low, at_high = function(low), function(high)
    if at_low >= 0:
        return low
    tolerance = 1e-12 * (high - low)
    for step in range(200):
        if high - low <= tolerance or at_high <= 0:
            break
        middle = (low + high) / 2 if step % 2 else low - at_low * (high - low) / (at_high - at_low)
        value = function(middle)
        if value < 0:
            low, at_low = middle, value
        else:
            high, at_high = middle, value
    return high


def probability_best(counts: Sequence[Trials]) -> list[float]:
    """The probability that each arm has the highest mean reward, to 1e-8; they sum to 1.

    `counts` holds (trials, reward sum) of each arm, the rewards 0..1 and not only 0 or 1: one value for each arm, in
    that order. Raises ValueError for impossible counts.

    >>> probability_best([(0, 0), (0, 0)])
    [0.5, 0.5]
    """
    posteriors = [Posterior(trials, reward) for trials, reward in checked_counts(counts)]
    low = max(posterior.low for posterior in posteriors)
    high = max(posterior.high for posterior in posteriors)
    best = [0.0] * len(posteriors)
    mass_above = [0.0] * len(posteriors)
    edges = panel_edges(posteriors, low, high)
    for panel_low, panel_high in reversed(list(itertools.pairwise(edges))):
        # An arm that ends below the panel is surely below whatever lies in it.
        here = [index for index, posterior in enumerate(posteriors) if posterior.high > panel_low]
        _add_panel(best, mass_above, [(index, posteriors[index]) for index in here], panel_low, panel_high)
    total = math.fsum(best)
    return [probability / total for probability in best]


def _add_panel(
    best: list[float], mass_above: list[float], arms: list[tuple[int, Posterior]], low: float, high: float
) -> None:
    """Adds to `best` what the panel contributes: the density of each arm times the others' probability below."""
    nodes, width = panel_nodes(low, high), high - low
    densities, belows = [], []
    for index, posterior in arms:
        density = [posterior.density(t) for t in nodes]
        above = mass_above[index]
        densities.append(density)
        belows.append([1 - above - part for part in integrals_above(density, width)])
        mass_above[index] = above + weighted_sum(density, width)
    others = list(zip(*(_products_of_others(column) for column in zip(*belows, strict=True)), strict=True))
    for (index, _), density, product in zip(arms, densities, others, strict=True):
        best[index] += weighted_sum([f * p for f, p in zip(density, product, strict=True)], width)


def _products_of_others(values: Sequence[float]) -> list[float]:
    """For each value the product of all others."""
    before = list(itertools.accumulate(values[:-1], mul, initial=1.0))
    after = list(itertools.accumulate(values[:0:-1], mul, initial=1.0))
    return list(map(mul, before, reversed(after)))


def credible_interval(trials: float, reward: float, level: float = 0.95) -> tuple[float, float]:
    """The central interval that holds an arm's mean reward with probability `level` (between 0 and 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level: must be between 0 and 1, not {level}")
    posterior = Posterior(*checked_counts([(trials, reward)])[0])
    return posterior.quantile((1 - level) / 2), posterior.quantile((1 + level) / 2)


def value_remaining(counts: Sequence[Trials], quantile: float = 0.95) -> float:
    """How much better than the leader, relatively, the best arm may still be: the `quantile` of that gain, 0 or more.

    The leader is the arm with the highest probability of being the best. 0 for a single arm.
    """
    chances = probability_best(counts)
    leader = chances.index(max(chances))
    if chances[leader] >= quantile:
        return 0.0
    posteriors = [Posterior(trials, reward) for trials, reward in checked_counts(counts)]
    others = posteriors[:leader] + posteriors[leader + 1 :]

    def excess(log_factor: float) -> float:
        return _within(posteriors[leader], others, log_factor) - quantile

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return math.expm1(root(excess, 0.0, high))


def _within(leader: Posterior, others: Sequence[Posterior], log_factor: float) -> float:
    """The probability that no other arm's mean is above the leader's times e**log_factor."""
    # From 1/e**log_factor on, nothing can be above: the integrand has a corner there, so a panel must end there.
    corner = min(leader.high, max(leader.low, -math.log(math.expm1(log_factor)) if log_factor > 0 else leader.high))
    edges = panel_edges([leader], leader.low, corner)[:-1] + panel_edges([leader], corner, leader.high)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        values = []
        for t in panel_nodes(low, high):
            limit = _scaled(t, log_factor)
            values.append(leader.density(t) * math.prod(other.cdf(limit) for other in others))
        total += weighted_sum(values, high - low)
    return total


def _scaled(t: float, log_factor: float) -> float:
    """The logit of e**log_factor times the number whose logit is `t`; infinity from 1 on."""
    x = from_logit(t) * math.exp(log_factor)
    return math.inf if x >= 1 else math.log(x / (1 - x))
