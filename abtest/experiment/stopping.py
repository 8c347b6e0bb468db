"""The always-valid test that names a leader, however often it is looked at and however shares moved meanwhile.

For each ordered pair of arms (a, b), "a is not better than b" is tested by the batchwise 2x2 e-value of Turner, Ly and
Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping" (2022). A batch is
what one interval between Decisions closed; n_a and n_b users with rewards y_a and y_b in it give

    S = (p_a/p_0)^y_a ((1-p_a)/(1-p_0))^(n_a-y_a) (p_b/p_0)^y_b ((1-p_b)/(1-p_0))^(n_b-y_b)
    p_0 = (n_a p_a + n_b p_b) / (n_a + n_b)

for any p_a > p_b fixed before the batch. Its expectation is at most 1 whatever mean both share, and a lower one for a
changes that in the safe direction; the mean may drift from batch to batch. It holds for rewards between 0 and 1 too: S
is convex in each reward, so no other distribution on 0..1 with that mean exceeds the one on {0, 1}. Products over
batches, and means over several (p_a, p_b), keep the property, so by Ville's inequality such an e-value ever reaches c
with probability at most 1/c.

A leader is named once its e-values against all other arms have reached arms/alpha. To name an arm that is not the
single best, its e-value against one that is as good or better must have; there are at most as many such arms as arms,
so the chance of ever naming one falsely is at most alpha.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

from abtest.experiment.counts import Trials

LOG_ODDS_RATIOS = (0.25, 0.5, 1.0, 1.8)  # alternatives, from hardly to hugely better
FIRST_MEANS = (0.2, 0.5, 0.8)  # overall means tried on a pair's first batch, before there is one to go by
LARGEST = 1e100  # e-values are cut there: they are stored as decimals


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`leader` is None until one is named. `e_values[a][b]` is the highest so far for "a is better than b"."""

    leader: str | None
    e_values: Mapping[str, Mapping[str, float]]
    threshold: float


class _Pair:
    """The e-value of "a is better than b", batch by batch; logarithms throughout."""

    def __init__(self) -> None:
        self._logs = [0.0] * len(LOG_ODDS_RATIOS)
        self._users = 0
        self._reward = 0.0
        self.highest = 0.0

    def add(self, a: Trials, b: Trials) -> None:
        """Takes a batch in: (users, reward sum) of each arm."""
        if a[0] and b[0]:
            means = ((self._reward + 0.5) / (self._users + 1),) if self._users else FIRST_MEANS
            for index, ratio in enumerate(LOG_ODDS_RATIOS):
                self._logs[index] += _log_mean([_log_batch(a, b, mean, ratio) for mean in means])
            self.highest = max(self.highest, _log_mean(self._logs))
        self._users += a[0] + b[0]
        self._reward += a[1] + b[1]


def verdict(intervals: Sequence[Mapping[str, Trials]], variant_names: Sequence[str], alpha: float) -> Verdict:
    """What the first outcomes of each interval (users, reward sum by variant), oldest first, prove.

    The leader is the first variant to pass, even if later intervals speak less clearly. `alpha`, above 0 and below 1,
    bounds the chance of ever naming a variant that is not the single best. A single variant leads nobody.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: must be between 0 and 1, not {alpha}")
    threshold = len(variant_names) / alpha
    pairs = {pair: _Pair() for pair in itertools.permutations(variant_names, 2)}
    leader = None
    for interval in intervals:
        for (a, b), pair in pairs.items():
            pair.add(interval.get(a, (0, 0.0)), interval.get(b, (0, 0.0)))
        leader = leader or _named(pairs, math.log(threshold))
    e_values: dict[str, dict[str, float]] = {name: {} for name in variant_names}
    for (a, b), pair in pairs.items():
        e_values[a][b] = math.exp(min(pair.highest, math.log(LARGEST)))
    return Verdict(leader, e_values, threshold)


def _named(pairs: Mapping[tuple[str, str], _Pair], threshold: float) -> str | None:
    """The variant whose every pair has passed the logarithm `threshold`, if there is one."""
    for name in dict.fromkeys(a for a, _ in pairs):
        if all(pair.highest >= threshold for (a, _), pair in pairs.items() if a == name):
            return name
    return None


def _log_batch(a: Trials, b: Trials, mean: float, log_odds_ratio: float) -> float:
    """Log of S for means of `a` and `b` as far apart as the ratio says, around the overall `mean`."""
    centre = math.log(mean / (1 - mean))
    p_a = 1 / (1 + math.exp(-centre - log_odds_ratio / 2))
    p_b = 1 / (1 + math.exp(-centre + log_odds_ratio / 2))
    p_0 = (a[0] * p_a + b[0] * p_b) / (a[0] + b[0])
    return _log_likelihood_ratio(a, p_a, p_0) + _log_likelihood_ratio(b, p_b, p_0)


def _log_likelihood_ratio(arm: Trials, mean: float, null: float) -> float:
    users, reward = arm
    return reward * math.log(mean / null) + (users - reward) * math.log((1 - mean) / (1 - null))


def _log_mean(logs: Sequence[float]) -> float:
    """Log of the mean of the numbers with these logarithms."""
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs) / len(logs))
