"""Runs the tests that others use, on users of two arms who were split evenly, at the end of every interval.

Each takes users and sums of rewards, [runs, intervals, arms], and says where it would have stopped.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from abtest.experiment.arrays import Floats
from bench.false_decisions import ALPHA, z_values

LOOKS = 25  # of a group-sequential test
GRID = 401  # points at which its density is followed
TUNING = 5000  # GrowthBook's default: its test is tightest at about so many users

# sqrt(n) from which the boundary of a normal mixture is the tightest at n users: Waudby-Smith, Arbour, Sinha, Kennedy
# and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (2024), on tuning the boundary.
TIGHTEST = -2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA) + 1)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What whoever plans a test may know: the true rates, and the users `n80` of both arms that a z-test needs."""

    rates: tuple[float, ...]
    n80: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Of each run, [runs]: whether it was `decided`, `at` which interval's end, and the `leader` it named.

    An undecided run was `looked` at for so many intervals.
    """

    decided: NDArray[np.bool_]
    at: NDArray[np.int64]
    leader: NDArray[np.int64]
    looked: int


def _first(passed: NDArray[np.bool_], leaders: NDArray[np.int64], looked: int) -> Verdict:
    """Returns the first interval in which a run `passed`, and its leader then; both are [runs, intervals]."""
    at = passed.argmax(axis=1)
    runs = np.arange(len(at))
    return Verdict(passed[runs, at], at, leaders[runs, at], looked)


def _so_far(users: Floats, rewards: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Returns users and rewards until each interval's end, and which of the two arms has the higher mean."""
    n, s = users.cumsum(axis=1), rewards.cumsum(axis=1)
    means = s / np.maximum(n, 1)
    return n, s, (means[..., 1] > means[..., 0]).astype(np.int64)


def group_sequential(users: Floats, rewards: Floats, plan: Plan, *, most: float = 1.0) -> Verdict:
    """Looks LOOKS times with the pooled z-test, the last time at `most` N80 users, and then gives up."""
    n, s, leaders = _so_far(users, rewards)
    share = n.sum(axis=-1)[0] / (most * plan.n80)
    ends = np.searchsorted(share, np.arange(1, LOOKS + 1) / LOOKS - 1e-9).clip(max=len(share) - 1)
    limits = np.full(len(share), math.inf)
    for end, limit in zip(ends, boundary(LOOKS), strict=True):
        limits[end] = min(limits[end], limit)
    passed: NDArray[np.bool_] = np.abs(z_values(n, s)) >= limits
    return _first(passed, leaders, int(ends[-1]) + 1)


@functools.cache
def boundary(looks: int) -> tuple[float, ...]:
    """Returns the two-sided critical values of z at equally spaced looks, which spend ALPHA as O'Brien-Fleming do.

    The spending function is that of Lan and DeMets, "Discrete sequential boundaries for clinical trials" (1983), for
    half of ALPHA on each side; the density of what has not stopped is followed from look to look by numerical
    integration (Armitage, McPherson and Rowe, 1969), as a Brownian motion at times 1/looks to 1.
    """
    times = np.arange(1, looks + 1) / looks
    spent = 4 * norm.sf(norm.isf(ALPHA / 4) / np.sqrt(times))
    step = 1 / looks
    limits = [float(norm.isf(spent[0] / 2))]
    places, weights = _grid(limits[0] * math.sqrt(times[0]))
    density = norm.pdf(places, scale=math.sqrt(step))
    for time, part in zip(times[1:], np.diff(spent), strict=True):
        before, mass = places, weights * density
        edge = _edge(before, mass, math.sqrt(step), part)
        limits.append(edge / math.sqrt(time))
        places, weights = _grid(edge)
        density = norm.pdf(places[:, None], before, math.sqrt(step)) @ mass
    return tuple(limits)


def _edge(places: Floats, mass: Floats, deviation: float, part: float) -> float:
    """Returns the value that `part` of the mass exceeds on either side after a normal step."""

    def log_of(edge: float) -> float:
        passing = 2 * norm.sf((edge - places) / deviation) @ mass
        return math.log(max(passing, 1e-300) / part)

    return float(brentq(log_of, 0, 10, xtol=1e-10))


def _grid(edge: float) -> tuple[Floats, Floats]:
    """Returns places between the edges and their weights by the trapezoid rule."""
    places = np.linspace(-edge, edge, GRID)
    weights = np.full(GRID, places[1] - places[0])
    weights[[0, -1]] /= 2
    return places, weights


def mixture(users: Floats, rewards: Floats, plan: Plan) -> Verdict:
    """Runs the mSPRT with a normal mixture, at its tightest at N80 users.

    Robbins, "Statistical methods related to the law of the iterated logarithm" (1970); Johari, Koomen, Pekelis and
    Walsh, "Always valid inference" (2022). The variance is the pooled one, so it holds for large counts only.
    """
    n, s, leaders = _so_far(users, rewards)
    relative = n.sum(axis=-1) / plan.n80 * TIGHTEST
    log_e = (z_values(n, s) ** 2 * relative / (1 + relative) - np.log1p(relative)) / 2
    passed: NDArray[np.bool_] = log_e >= -math.log(ALPHA)
    return _first(passed, leaders, users.shape[1])


def growthbook(users: Floats, rewards: Floats, plan: Plan) -> Verdict:
    """Runs GrowthBook's sequential test of relative effects, with its default settings."""
    del plan
    n, s, leaders = _so_far(users, rewards)
    return _first(growthbook_significant(n, s), leaders, users.shape[1])


def growthbook_significant(trials: Floats, rewards: Floats) -> NDArray[np.bool_]:
    """Says whether the interval of gbstats 0.8.0, `SequentialTwoSidedTTest`, excludes 0; [..., 2] -> [...].

    As gbstats does where an arm's variance is 0, it never does where all or none converted.
    """
    some = np.all((rewards > 0) & (rewards < trials), axis=-1)
    n, s = (np.where(some[..., None], cells, default) for cells, default in ((trials, 2.0), (rewards, 1.0)))
    means, total = s / n, n.sum(axis=-1)
    a, b = means[..., 0], means[..., 1]
    spread = means * (1 - means) / n
    variance = spread[..., 1] / a**2 + spread[..., 0] * b**2 / a**4
    known = total * TIGHTEST / TUNING  # N rho^2 there
    width = np.sqrt(variance * 2 * (known + 1) / known * np.log(np.sqrt(known + 1) / ALPHA))
    significant: NDArray[np.bool_] = some & (np.abs((b - a) / a) > width)
    return significant


def oracle(users: Floats, rewards: Floats, plan: Plan) -> Verdict:
    """Bets on both rates as they truly are, but does not know which arm has which.

    For each way round it is the e-variable of Turner, Ly and Grünwald, "Generic E-variables for exact sequential
    k-sample tests that allow for optional stopping" (2024): the likelihood of a batch under the two rates over that
    under one, their mean weighed by the batch's users. No other e-value of the batch grows faster.
    """
    low, high = min(plan.rates), max(plan.rates)
    paths = np.stack(
        [_growth(users, rewards, ahead, behind) for ahead, behind in ((high, low), (low, high))], axis=-1
    ).cumsum(axis=1)
    passed: NDArray[np.bool_] = paths >= -math.log(ALPHA)
    return _first(np.any(passed, axis=-1), passed.argmax(axis=-1), users.shape[1])


def _growth(users: Floats, rewards: Floats, first: float, second: float) -> Floats:
    """Returns the log of each batch's e-value for rates `first` and `second` of the two arms."""
    rates = np.array([first, second])
    total = np.maximum(users.sum(axis=-1), 1)
    one = np.clip((users * rates).sum(axis=-1) / total, 1e-12, 1 - 1e-12)[..., None]
    growth: Floats = (rewards * np.log(rates / one) + (users - rewards) * np.log((1 - rates) / (1 - one))).sum(axis=-1)
    return growth


TESTS: dict[str, Callable[[Floats, Floats, Plan], Verdict]] = {
    "group-sequential, 25 looks to N80": group_sequential,
    "group-sequential, 25 looks to 4 N80": functools.partial(group_sequential, most=4.0),
    "mSPRT, tightest at N80": mixture,
    "GrowthBook sequential": growthbook,
    "oracle, knows both rates": oracle,
}
