"""By how much one variant is better than another, with an interval that may be looked at after every interval.

The interval holds every difference that the e-values of `stopping` have not refuted: those above `low` for "the
leader's mean exceeds the other's by at most d", those below `high` for the reverse. An e-value falls as d rises, so
what is refuted is everything beyond a bound. Each bound ever excludes the true difference with probability at most
1/threshold (Ville), hence the level 1 - 2/threshold of each interval by itself; with two variants it is 1 - alpha. It
agrees with the test: a named leader's intervals lie above 0.

It is assumed that users are independent and that the difference stays what it is; both means may drift together. The
estimate is stratified by interval (Mantel and Haenszel's weights for a risk difference: Greenland and Robins, 1985), so
that a drift does not pass for a difference where shares moved meanwhile (Simpson's paradox).
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.stopping import array_of, highest
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Trials

Batch: TypeAlias = tuple[Trials, Trials]  # (users, reward sum) of a and of b in one interval
Batches: TypeAlias = Sequence[Batch]  # oldest first
Arms: TypeAlias = tuple[Floats, Floats]  # the batches of each, as `stopping.array_of` makes them

PRECISION = 1e-3  # of a bound, relative to its distance from the estimate


def effects(
    intervals: Sequence[Mapping[str, Trials]],
    variant_names: Sequence[str],
    leader: str,
    *,
    threshold: float,
    costs: Mapping[str, float] | None = None,
) -> dict[str, Effect]:
    """The leader's Effect against each other variant with which it shares an interval.

    `intervals` hold first outcomes (users, reward sum by variant, to maximize), oldest first; `threshold`, above 2, is
    the test's; `costs` are of an invocation of each variant, in units of reward.
    """
    costs = costs or dict.fromkeys(variant_names, 0.0)
    found = {}
    for name in variant_names:
        batches = [(one[leader], one[name]) for one in intervals if leader in one and name in one]
        batches = [(a, b) for a, b in batches if a[0] and b[0]]
        if name != leader and batches:
            found[name] = _effect(batches, threshold, costs[leader] - costs[name])
    return found


def _effect(batches: Batches, threshold: float, dearer: float) -> Effect:
    difference = stratified_difference(batches)
    a, b = (array_of(arm) for arm in zip(*batches, strict=True))
    low = _lower_bound((a, b), difference, math.log(threshold))
    high = -_lower_bound((b, a), -difference, math.log(threshold))
    # Bounds that cross say that the difference has changed: what lies between them is shown.
    low, high = min(low, high), max(low, high)
    return Effect(difference - dearer, low - dearer, high - dearer, 1 - 2 / threshold)


def stratified_difference(batches: Batches) -> float:
    """Of the mean rewards of two arms that both have users in every batch: Mantel and Haenszel's."""
    weights = [a[0] * b[0] / (a[0] + b[0]) for a, b in batches]
    differences = [a[1] / a[0] - b[1] / b[0] for a, b in batches]
    return math.fsum(map(math.prod, zip(weights, differences, strict=True))) / math.fsum(weights)


def _lower_bound(arms: Arms, difference: float, enough: float) -> float:
    """The largest difference found to be refuted, -1 if none is: by bisection, so that the bound is never too high."""
    low, high = -1.0, 1.0
    for guess in _guesses(arms, difference):
        if low < guess < high:
            low, high = (guess, high) if _refuted(arms, guess, enough) else (low, guess)
    while high - low > PRECISION * abs(difference - low):
        middle = (low + high) / 2
        low, high = (middle, high) if _refuted(arms, middle, enough) else (low, middle)
    return low


def _guesses(arms: Arms, difference: float) -> list[float]:
    """0, by which the test decides, and where a bound mostly lies: 2 to 5 standard errors below the estimate."""
    sums = [(math.fsum(arm[:, 0]), math.fsum(arm[:, 1])) for arm in arms]
    error = math.sqrt(math.fsum((s + 1) * (n - s + 1) / (n + 2) ** 3 for n, s in sums))
    return [0.0, difference - 5 * error, difference - 2 * error, difference - 3 * error]


def _refuted(arms: Arms, difference: float, enough: float) -> bool:
    return bool(highest(*arms, difference)[-1] >= enough)
