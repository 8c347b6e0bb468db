"""By how much one variant is better than another, with an interval that may be looked at after every interval.

The interval holds every difference that the e-values of `stopping` have not refuted: those above `low` for "the
leader's mean exceeds the other's by at most d", those below `high` for the reverse. An e-value falls as d rises, so
what is refuted is everything beyond a bound. Each bound ever excludes the true difference with probability at most
1/threshold (Ville), hence the level 1 - 2/threshold of each interval by itself; with two variants it is 1 - 2 alpha. It
agrees with the test there: a named leader's interval lies above 0.

It is assumed that users are independent and that the difference stays what it is; both means may drift together. The
estimate is stratified by time (Mantel and Haenszel's weights for a risk difference: Greenland and Robins, 1985), so
that a drift does not pass for a difference where shares moved meanwhile (Simpson's paradox).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.betting import PairTest
from abtest.experiment.evidence.stopping import Batch, arrays_of
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Trials

Stratum: TypeAlias = tuple[Trials, Trials]  # (users, reward sum) of a and of b, both with users
Arrays: TypeAlias = tuple[Floats, Floats, Floats]  # of a and b: users, rewards and shares, as `PairTest.add` takes them

PRECISION = 1e-3  # of a bound, relative to its distance from the estimate


def effects(
    batches: Sequence[Batch],
    variant_names: Sequence[str],
    leader: str,
    *,
    threshold: float,
    costs: Mapping[str, float] | None = None,
) -> dict[str, Effect]:
    """The leader's Effect against each other variant, where both have users.

    `batches` hold users' outcomes (of rewards to maximize) in the order in which they entered; `threshold`, above 2, is
    the test's; `costs` are of an invocation of each variant, in units of reward.
    """
    costs = costs or dict.fromkeys(variant_names, 0.0)
    found = {}
    for name in variant_names:
        pairs = list(strata(batches, leader, name))
        if name != leader and pairs:
            arrays = arrays_of(batches, [leader, name])
            found[name] = _effect(arrays, pairs, threshold, costs[leader] - costs[name])
    return found


def strata(batches: Iterable[Batch], first: str, second: str) -> Iterator[Stratum]:
    """The batches that could have users of both variants, joined until they do; what is left over joins the last."""
    none: Trials = (0.0, 0.0)
    a, b, last = none, none, None
    for batch in batches:
        if not (batch.shares.get(first) and batch.shares.get(second)):
            continue
        a, b = (_added(cell, batch.outcomes.get(name, none)) for cell, name in ((a, first), (b, second)))
        if a[0] and b[0]:
            if last:
                yield last
            last, a, b = (a, b), none, none
    if last:
        yield _added(last[0], a), _added(last[1], b)


def _added(one: Trials, other: Trials) -> Trials:
    return one[0] + other[0], one[1] + other[1]


def _effect(arrays: Arrays, pairs: Sequence[Stratum], threshold: float, dearer: float) -> Effect:
    difference = stratified_difference(pairs)
    enough = math.log(threshold)
    low = _lower_bound(arrays, difference, enough)
    users, rewards, shares = (cells[:, ::-1] for cells in arrays)
    high = -_lower_bound((users, rewards, shares), -difference, enough)
    # Bounds that cross say that the difference has changed: what lies between them is shown.
    low, high = min(low, high), max(low, high)
    return Effect(difference - dearer, low - dearer, high - dearer, 1 - 2 / threshold)


def stratified_difference(pairs: Sequence[Stratum]) -> float:
    """Of the mean rewards of two arms that both have users in every stratum: Mantel and Haenszel's."""
    weights = [a[0] * b[0] / (a[0] + b[0]) for a, b in pairs]
    differences = [a[1] / a[0] - b[1] / b[0] for a, b in pairs]
    return math.fsum(map(math.prod, zip(weights, differences, strict=True))) / math.fsum(weights)


def _lower_bound(arrays: Arrays, difference: float, enough: float) -> float:
    """The largest difference found to be refuted, -1 if none is: by bisection, so that the bound is never too high."""
    low, high = -1.0, 1.0
    for guess in _guesses(arrays, difference):
        if low < guess < high:
            low, high = (guess, high) if _refuted(arrays, guess, enough) else (low, guess)
    while high - low > PRECISION * abs(difference - low):
        middle = (low + high) / 2
        low, high = (middle, high) if _refuted(arrays, middle, enough) else (low, middle)
    return low


def _guesses(arrays: Arrays, difference: float) -> list[float]:
    """0, by which the test decides, and where a bound mostly lies: 2 to 5 standard errors below the estimate."""
    n, s = arrays[0].sum(axis=0), arrays[1].sum(axis=0)
    error = float(np.sqrt(((s + 1) * (n - s + 1) / (n + 2) ** 3).sum()))
    return [0.0, difference - 5 * error, difference - 2 * error, difference - 3 * error]


def _refuted(arrays: Arrays, difference: float, enough: float) -> bool:
    return bool(PairTest(difference=difference).add(*arrays)[-1] >= enough)
