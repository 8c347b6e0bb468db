"""The always-valid test that names a leader, however often it is looked at and however shares moved meanwhile.

For an ordered pair of arms (a, b) and a difference d, "a's mean exceeds b's by at most d" is tested by betting against
it on every batch. A batch is what one interval between Decisions closed: n_a and n_b users, with mean rewards mu_a and
mu_b given the past. For stakes with n_a x_a = n_b x_b = X >= 0 and means m_a - m_b = d, all fixed before the outcomes,

    S = product over a's users of (1 + x_a (y - m_a))  times  product over b's users of (1 - x_b (y - m_b))
    E[S] = (1 + x_a (mu_a - m_a))^n_a (1 - x_b (mu_b - m_b))^n_b <= exp(X (mu_a - mu_b - d))

which is at most 1 where mu_a - mu_b <= d, whatever the means are, also if they drift from batch to batch. This is the
batchwise e-variable of Turner and Grünwald, "Exact anytime-valid confidence intervals for contingency tables and
beyond" (2023), with its alternative written as a stake: the likelihood ratio of p_a to m_a is 1 + x (y - m_a) with
x = (p_a - m_a) / (m_a (1 - m_a)). The stakes used are x_a = l n_b / (n_a + n_b) and x_b = l n_a / (n_a + n_b), l being
about the log odds ratio bet on, and the means lie around that of the users before.

Only sums are known, so each product is taken as if s users had reward 1 and the others 0, 1 + x (y - m) being log
concave in y: for rewards between 0 and 1 S is then smaller than the product, so the bound holds for them too. S falls
as d rises, since m_a and m_b move apart and nothing else depends on d: what refutes d refutes any smaller one.

Where invocations cost something, d is the difference of the two arms' costs, plus or minus a margin.

Products of S over batches, and fixed averages of such products over several l, keep the expectation, so by Ville's
inequality an e-value ever reaches c with probability at most 1/c.

A leader is named once its e-values for d = 0 against all other arms have reached c. To name an arm that is not the
single best, its e-value against one that is as good or better must have: at most arms/c. With a margin, equivalence is
declared once, for every challenger, both "at least the margin better than the champion" and "at least the margin worse"
have been refuted at c. That is false only if some challenger does differ so much, and then one such pair's one e-value
must have reached c: at most 1/c more. With two arms it adds nothing: where they differ, only one can be named falsely.
So c = arms/alpha, or (arms + 1)/alpha for three or more arms with a margin, bounds the chance of any false verdict by
alpha.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.e_values import log_sum, of_log
from abtest.experiment.record.variants import Trials

# The log odds ratios bet on, and what part of the capital each gets. Large differences need little of it: they show
# soon. Much on them would be lost to chance at the start, where few users make large differences of their own.
STAKES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)
WEIGHTS = tuple(part / 51 for part in (8, 16, 16, 8, 2, 1))
MOST_STAKED = 0.95  # of the capital, on one user
# A pair's first batch has no earlier users to tell its mean: most of the capital is kept, the rest tries these.
FIRST_MEANS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
KEPT_AT_FIRST = 0.75


@dataclasses.dataclass(frozen=True)
class Proof:
    """`leader` is None until one is named; `equivalent` says whether all arms are, within the margin.

    `e_values[a][b]` is the highest so far for "a is better than b"; `threshold` is what they must reach.
    """

    leader: str | None
    equivalent: bool
    e_values: Mapping[str, Mapping[str, float]]
    threshold: float


def threshold_of(arms: int, alpha: float, margin: float | None = None) -> float:
    """What an e-value must reach; `alpha` (0..1, both excluded) bounds the chance of ever reaching a false verdict."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: must be between 0 and 1, not {alpha}")
    return (arms + (margin is not None and arms > 2)) / alpha


def verdict(
    intervals: Sequence[Mapping[str, Trials]],
    variant_names: Sequence[str],
    alpha: float,
    *,
    margin: float | None = None,
    costs: Mapping[str, float] | None = None,
) -> Proof:
    """What the first outcomes of each interval (users, reward sum by variant), oldest first, prove.

    The leader is the first variant to pass, even if later intervals speak less clearly; equivalence that came before
    stands as well. The first of `variant_names` is the champion; `margin` (above 0, in units of reward) None means that
    nothing is equivalent. `costs` are of an invocation of each variant, in units of reward: an arm is better if its
    reward exceeds the other's by more than its cost does. A single variant leads nobody.
    """
    threshold, never = threshold_of(len(variant_names), alpha, margin), len(intervals)
    costs = costs or dict.fromkeys(variant_names, 0.0)
    dearer = {(a, b): costs[a] - costs[b] for a, b in itertools.permutations(variant_names, 2)}
    arms = {name: array_of([interval.get(name, (0, 0.0)) for interval in intervals]) for name in variant_names}
    better = {(a, b): highest(arms[a], arms[b], difference) for (a, b), difference in dearer.items()}
    # For the champion and each challenger, that either is less than the margin worse than the other.
    champion, difference = variant_names[0], margin or 0.0
    pairs = [] if margin is None else [pair for pair in dearer if champion in pair]
    close = {(a, b): highest(arms[a], arms[b], dearer[a, b] - difference) for a, b in pairs}
    named = {name: _passed((better[pair] for pair in better if pair[0] == name), threshold, never) for name in arms}
    leader, equivalent_at = min(arms, key=lambda name: named[name]), _passed(close.values(), threshold, never)
    is_named = named[leader] < never and named[leader] <= equivalent_at
    e_values: dict[str, dict[str, float]] = {name: {} for name in variant_names}
    for (a, b), path in better.items():
        e_values[a][b] = of_log(path[-1]) if never else 1.0
    return Proof(leader if is_named else None, not is_named and equivalent_at < never, e_values, threshold)


def _passed(paths: Iterable[Floats], threshold: float, never: int) -> int:
    """The interval in which the last of the highest e-values (logarithms) has reached the threshold."""
    return max((int(path.searchsorted(math.log(threshold))) for path in paths), default=never)


def array_of(cells: Sequence[Trials]) -> Floats:
    """[batches, 2]: users and reward sum."""
    return np.array(cells, dtype=np.float64).reshape(-1, 2)


def highest(a: Floats, b: Floats, difference: float = 0.0) -> Floats:
    """The highest e-value so far for "a exceeds b by more than `difference`" after each batch, as a logarithm.

    `a` and `b` are `array_of` their batches.
    """
    return PairTest(difference=difference).add(*np.stack([a, b]).transpose(2, 0, 1))


class PairTest:
    """The e-values for "a's mean exceeds b's by more than `difference`", batch after batch, as logarithms.

    It tests pairs of arms in any `shape`: none for one experiment's pair, runs and pairs in a simulation. Means differ
    by 1 at most: a larger `difference` is tested as 1, and one below -1 is surely exceeded.
    """

    def __init__(self, shape: tuple[int, ...] = (), difference: float = 0.0) -> None:
        self._difference = min(max(difference, -1.0), 1.0)
        self._logs = np.broadcast_to(np.log(WEIGHTS), (*shape, len(WEIGHTS)))
        self._users, self._reward = np.zeros((2, 2, *shape))
        self.highest = np.full(shape, np.inf if difference < -1 else 0.0)

    def add(self, users: Floats, reward: Floats) -> Floats:
        """Takes batches in, oldest first; returns the highest e-value after each, [batches, *shape].

        `users` and the sums of their `reward` are [2, batches, *shape]: of the pairs' first arms, and of the second.
        """
        both = (users[0] > 0) & (users[1] > 0)
        users_before = self._users[:, None] + (np.cumsum(users, axis=1) - users)
        reward_before = self._reward[:, None] + (np.cumsum(reward, axis=1) - reward)
        batches = (users[:, both], reward[:, both], users_before[:, both], reward_before[:, both])
        logs = np.zeros((len(both) + 1, *self._logs.shape))
        logs[0], logs[1:][both] = self._logs, log_factors(*batches, self._difference)
        logs = np.cumsum(logs, axis=0)
        path = np.zeros((len(both) + 1, *self.highest.shape))
        path[0], path[1:][both] = self.highest, log_sum(logs[1:][both])
        path = np.maximum.accumulate(path)
        self._users, self._reward = self._users + users.sum(axis=1), self._reward + reward.sum(axis=1)
        self._logs, self.highest = logs[-1], path[-1]
        return path[1:]


def log_factors(n: Floats, s: Floats, users: Floats, reward: Floats, difference: float) -> Floats:
    """Log of S for each of STAKES, on a last axis, of `n` and `s` [2, ...]; `users`, `reward` are those before."""
    before = users.sum(axis=0)
    overall = (reward.sum(axis=0) + 0.5) / (before + 1)
    mean = ((reward + overall) / (users + 1) * n).sum(axis=0) / n.sum(axis=0)
    logs = log_batch(n, s, mean[..., None], difference)
    fresh = before == 0
    if fresh.any():
        tried = math.log((1 - KEPT_AT_FIRST) / len(FIRST_MEANS))
        first = [tried + log_batch(n[:, fresh], s[:, fresh], np.array(m), difference) for m in FIRST_MEANS]
        kept = np.full_like(first[0], math.log(KEPT_AT_FIRST))
        logs[fresh] = log_sum(np.stack([kept, *first], axis=-1))
    return logs


def log_batch(n: Floats, s: Floats, mean: Floats, difference: float) -> Floats:
    """Log of S for each of STAKES, on a last axis, of users `n` and rewards `s` of a and of b [2, ...]."""
    a, b, s_a, s_b = n[0, ..., None], n[1, ..., None], s[0, ..., None], s[1, ..., None]
    users = a + b
    stake = np.minimum(STAKES, MOST_STAKED * users / np.maximum(a, b))
    stake_a, stake_b = stake * b / users, stake * a / users
    mean_a = np.clip(mean + difference * b / users, max(0.0, difference), min(1.0, 1 + difference))
    mean_b = np.clip(mean_a - difference, 0, 1)
    return np.asarray(
        s_a * np.log1p(stake_a * (1 - mean_a))
        + (a - s_a) * np.log1p(-stake_a * mean_a)
        + s_b * np.log1p(-stake_b * (1 - mean_b))
        + (b - s_b) * np.log1p(stake_b * mean_b)
    )
