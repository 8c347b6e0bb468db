"""How many users it takes to see a difference of a given size: with one look at the end, or with the always-valid test.

One look: the two-proportion z-test, two-sided, of each other arm against the first, with the pooled variance under the
null (Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed., 2003, section 4.2; what R's
`power.prop.test` solves). `alpha` is shared out over the comparisons (Bonferroni: Dunn, "Multiple Comparisons Among
Means", 1961), so that all of them together err with at most that probability. For p_1 and p_2, of mean p, d apart,

    n = ((z(1 - alpha/2) sqrt(2 p (1 - p)) + z(power) sqrt(p_1 (1 - p_1) + p_2 (1 - p_2))) / d)^2    in each arm

Any look: the test of `stopping` itself is run on simulated users, one arm ahead of all others, which
are equal. Wald's approximation (threshold over mean growth of the e-value) is no substitute: it knows neither what the
mixture over effects costs nor the spread between runs.
"""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.strategies import learning
from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.betting import BestTest
from abtest.experiment.evidence.stopping import threshold_of

LOOKS = 40  # for as many users as a fixed horizon needs at a power of 80 %: finer looks would hardly end earlier
MOST_LOOKS = 50 * LOOKS  # then a run counts as undecided
CHUNK = 100  # runs simulated at once; part of what the draws depend on


@dataclasses.dataclass(frozen=True)
class Question:
    """What shall be seen: an arm whose conversion rate is `effect` away from the `baseline` of all others.

    `baseline` and `baseline + effect` lie between 0 and 1, exclusive; a negative effect means that lower is better.
    `alpha` bounds the chance of a false finding, 0 to 1 exclusive; `arms` counts the baseline in, 2 or more.
    Raises ValueError beginning with the wrong field's name.
    """

    baseline: float
    effect: float
    alpha: float = 0.05
    arms: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.baseline < 1:
            raise ValueError(f"baseline: must be between 0 and 1, not {self.baseline:g}")
        if not (0 < self.baseline + self.effect < 1 and self.effect != 0):
            raise ValueError(f"effect: must not be 0 or take the rate to {self.baseline + self.effect:g}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha: must be between 0 and 1, not {self.alpha:g}")
        if self.arms < 2:
            raise ValueError(f"arms: must be 2 or more, not {self.arms}")

    @property
    def rates(self) -> tuple[float, float]:
        """The mean utility (0..1, higher is better) of the best arm, and of each other."""
        best, other = self.baseline + self.effect, self.baseline
        return (best, other) if self.effect > 0 else (1 - best, 1 - other)


@dataclasses.dataclass(frozen=True)
class Durations:
    """How long each of two or more simulated runs took to be decided: ascending, infinite where it never was."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> "Durations":
        return cls(tuple(sorted(values)))

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Of the mean; infinite if a run was never decided."""
        finite = math.isfinite(self.values[-1])
        return statistics.stdev(self.values) / math.sqrt(len(self.values)) if finite else math.inf

    def within(self, share: float) -> float:
        """What this share (0..1) of the runs did not exceed."""
        return self.values[max(math.ceil(share * len(self.values) - 1e-9), 1) - 1]


def fixed_horizon(question: Question, power: float) -> int:
    """The users of each arm so that the test at the end finds the effect with probability `power` (0..1 exclusive).

    Raises ValueError beginning with "power" if that is out of range or not above the chance of a false finding.
    """
    level = question.alpha / (question.arms - 1)
    if not level < power < 1:
        raise ValueError(f"power: must be between {level:g} and 1, not {power:g}")
    normal = statistics.NormalDist()
    best, other = question.rates
    mean = (best + other) / 2
    under_null = normal.inv_cdf(1 - level / 2) * math.sqrt(2 * mean * (1 - mean))
    under_effect = normal.inv_cdf(power) * math.sqrt(best * (1 - best) + other * (1 - other))
    return max(math.ceil(((under_null + under_effect) / question.effect) ** 2), 1)


def sequential(question: Question, *, floor: float | None = None, runs: int = 400, seed: int = 1) -> Iterator[float]:
    """How many users, over all arms, the always-valid test takes if it is looked at often; run after run.

    A run that is not decided within about 50 times the users of a fixed horizon gives infinity. `floor` (above 0, to
    1/arms) is the share of every arm but the best at the start: so much for each arm is split evenly over those not
    refuted, and the best one has the rest, as in learn_first with a strategy that knows it. None is an equal split
    throughout. The same `seed` gives the same answer, whatever the number of `runs`.
    Raises ValueError beginning with the wrong argument's name.
    """
    share = 1 / question.arms if floor is None else floor
    if not 0 < share <= 1 / question.arms + 1e-12:
        raise ValueError(f"floor: must be above 0 and at most 1/{question.arms}, not {share:g}")
    experiment = _Experiment(question, min(share * question.arms, 1.0))
    chunks = enumerate(range(0, runs, CHUNK))
    return itertools.chain.from_iterable(
        experiment.durations(np.random.default_rng([seed, chunk]), min(CHUNK, runs - start)) for chunk, start in chunks
    )


class _Experiment:
    """One question, looked at each time that as many users have come; the best arm is the first."""

    def __init__(self, question: Question, even: float) -> None:
        best, other = question.rates
        self._arms, self._even = question.arms, even
        self._rates = np.array([best, *[other] * (question.arms - 1)])
        self._enough = math.log(threshold_of(question.arms, question.alpha))
        best_share, share = 1 - even + even / question.arms, even / question.arms
        # The variance of a difference goes with 1/n_a + 1/n_b: as many looks whatever the shares.
        slower = (1 / share + 1 / best_share) / (2 * question.arms)
        total = fixed_horizon(question, max(0.8, question.alpha)) * question.arms * slower / LOOKS
        self._users = max(round(total), 1)

    def durations(self, random: np.random.Generator, runs: int) -> list[float]:
        """For each of at most CHUNK runs, the users of all arms until the best arm was named."""
        test = BestTest((CHUNK,), np.zeros(self._arms))
        found = np.full(CHUNK, math.inf)
        for look in range(1, MOST_LOOKS + 1):
            shares = self._shares(test.highest >= self._enough)
            users = random.multinomial(self._users, shares)
            cells = (users, random.binomial(users, self._rates), shares)
            test.add(*(each[None].astype(np.float64) for each in cells))
            refuted = test.highest >= self._enough
            named = (refuted.sum(axis=1) == self._arms - 1) & ~refuted[:, 0]
            found[named] = np.minimum(found[named], float(look * self._users))
            if np.isfinite(found[:runs]).all():
                break
        return [float(users) for users in found[:runs]]

    def _shares(self, refuted: NDArray[np.bool_]) -> Floats:
        """Of the next look's users, [CHUNK, arms]."""
        best = np.tile(np.arange(self._arms) == 0, (CHUNK, 1)).astype(np.float64)
        shares: Floats = learning(best, ~refuted if self._even < 1 else np.ones_like(refuted), self._even)
        return shares
