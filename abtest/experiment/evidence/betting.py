"""The e-values of `stopping` at work: capital bet batch after batch, for any number of runs at once, as logarithms."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.e_values import log_sum

# The log odds ratios bet on, and what part of the capital each gets. Large differences need little of it: they show
# soon. Much on them would be lost to chance at the start, where few users make large differences of their own.
STAKES = tuple(2.0**power for power in range(-9, 2))
WEIGHTS = tuple(part / 69.5 for part in (0.5, 1, 2, 3, 5, 9, 16, 16, 10, 5, 2))
MOST_STAKED = 0.95  # of the capital, on one user
# A pair's first batch has no earlier users to tell its mean: half of the capital is kept, the rest tries these.
FIRST_MEANS = (0.05, 0.2, 0.5, 0.8, 0.95)
KEPT_AT_FIRST = 0.5
# Of more than two arms nothing is bet on a leader of the others that is so many standard errors behind: what would be
# lost against an arm that is ahead of all would be missing when a better one joins, or rates change.
BEHIND = 2.0

Cells: TypeAlias = tuple[Floats, Floats]  # users, and the sums of their rewards


class _Test:
    """Capital on each of STAKES, [*shape, stakes], and the highest sum of it so far, [*shape], as logarithms."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._logs = np.broadcast_to(np.log(WEIGHTS), (*shape, len(WEIGHTS)))
        self.highest = np.zeros(shape)

    def _multiplied(self, factors: Floats) -> Floats:
        """The highest e-value after each batch of `factors` (logarithms) [batches, *shape, stakes]."""
        logs = self._logs + np.cumsum(factors, axis=0)
        path = np.maximum.accumulate(np.concatenate([self.highest[None], log_sum(logs)]))
        if len(logs):
            self._logs, self.highest = logs[-1], path[-1]
        return path[1:]


class PairTest(_Test):
    """The e-values for "a's mean exceeds b's by more than `difference`", batch after batch, as logarithms.

    It tests pairs of arms in any `shape`: none for one experiment's pair, runs and pairs in a simulation. Means differ
    by 1 at most: a larger `difference` is tested as 1, and one below -1 is surely exceeded.
    """

    def __init__(self, shape: tuple[int, ...] = (), difference: float = 0.0) -> None:
        super().__init__(shape)
        self._difference = min(max(difference, -1.0), 1.0)
        self._before = np.zeros((2, *shape, 2))
        if difference < -1:
            self.highest = np.full(shape, np.inf)

    def add(self, users: Floats, rewards: Floats, shares: Floats) -> Floats:
        """Takes batches in, in the order in which they entered; returns the highest e-value after each.

        `users`, the sums of their `rewards` and the `shares` that drew them are [batches, *shape, 2], a's and b's; what
        is returned is [batches, *shape].
        """
        before, self._before = _before(users, rewards, self._before)
        return self._multiplied(log_factors((users, rewards), before, _part(shares), self._difference))


class BestTest(_Test):
    """For each arm the e-values against "it is a best arm", batch after batch, as logarithms.

    `shape` are the runs of a simulation, none for one experiment; `costs` [arms] are of an invocation of each arm.
    """

    def __init__(self, shape: tuple[int, ...], costs: Floats) -> None:
        super().__init__((*shape, len(costs)))
        self._costs = costs
        self._totals = np.zeros((2, *shape, len(costs)))

    def add(self, users: Floats, rewards: Floats, shares: Floats) -> Floats:
        """As `PairTest.add`, of all arms: [batches, *shape, arms], like what is returned."""
        before, self._totals = _before(users, rewards, self._totals)
        if users.shape[-1] == 1:
            return np.zeros_like(users)
        leader = self._leaders(before, shares)
        pairs = [
            np.stack([np.take_along_axis(cells, leader, axis=-1), cells], axis=-1)
            for cells in (users, rewards, *before, shares)
        ]
        dearer = self._costs[leader] - self._costs
        now, earlier = (pairs[0], pairs[1]), (pairs[2], pairs[3])
        factors = log_factors(now, earlier, _part(pairs[4]), dearer)
        if users.shape[-1] > 2:
            factors = np.where(_is_behind(earlier, dearer)[..., None], 0.0, factors)
        return self._multiplied(factors)

    def _leaders(self, before: Cells, shares: Floats) -> NDArray[np.int64]:
        """For each arm the one with the highest mean of the others that the batch's shares could draw."""
        users, rewards = before
        overall = (rewards.sum(axis=-1, keepdims=True) + 0.5) / (users.sum(axis=-1, keepdims=True) + 1)
        worth = (rewards + overall) / (users + 1) - self._costs
        worth = np.where(shares > 0, worth, worth - 3)  # last, but before the arm itself: then nothing is bet
        others = np.where(np.eye(len(self._costs), dtype=bool), -np.inf, worth[..., None, :])
        leaders: NDArray[np.int64] = others.argmax(axis=-1)
        return leaders


def _is_behind(before: Cells, difference: Floats) -> NDArray[np.bool_]:
    """Whether a, less the `difference`, is behind b by more than BEHIND standard errors; the cells are [..., 2]."""
    users, rewards = before
    mean = (rewards + 0.5) / (users + 1)
    error = np.sqrt((mean * (1 - mean) / (users + 1)).sum(axis=-1))
    behind: NDArray[np.bool_] = mean[..., 1] - mean[..., 0] + difference > BEHIND * error
    return behind


def _before(users: Floats, rewards: Floats, start: Floats) -> tuple[Cells, Floats]:
    """Users and rewards before each batch, [batches, ...] each, and after the last of them [2, ...]."""
    cells = np.stack([users, rewards])
    before = start[:, None] + np.cumsum(cells, axis=1) - cells
    return (before[0], before[1]), start + cells.sum(axis=1)


def _part(shares: Floats) -> Floats:
    """What part of a pair's users a gets, of `shares` [..., 2]."""
    total = shares.sum(axis=-1)
    part: Floats = np.divide(shares[..., 0], total, out=np.full_like(total, 0.5), where=total > 0)
    return part


def log_factors(cells: Cells, before: Cells, part: Floats, difference: Floats | float) -> Floats:
    """Log of the factors for each of STAKES, on a last axis, of batches of pairs.

    The cells are [..., 2], a's `part` and the `difference` [...]; those before tell the mean that is bet around.
    """
    users, rewards = before
    overall = (rewards.sum(axis=-1) + 0.5) / (users.sum(axis=-1) + 1)
    means = (rewards + overall[..., None]) / (users + 1)
    mean = part * means[..., 0] + (1 - part) * means[..., 1]
    logs = log_batch(cells, part, mean, difference)
    fresh = users.sum(axis=-1) == 0
    if fresh.any():
        first = cells[0][fresh], cells[1][fresh]
        logs[fresh] = _first_factors(first, np.broadcast_to(difference, part.shape)[fresh])
    return logs


def _first_factors(cells: Cells, difference: Floats) -> Floats:
    """Those of a pair's first batch, of which no mean is known: half of the capital is kept, the rest tries some.

    A mean far from the true one would bet on how many users each arm got. So the arms' parts are here those of their
    users: given how many came to each arm, the product expects at most

        (1 + x (mu_a - m_a))^n_a (1 - z (mu_b - m_b))^n_b    with n_a x = n_b z

    which is at most 1 where mu_a - mu_b <= d (the batchwise e-variable of Turner and Grünwald, 2023).
    """
    part = _part(cells[0])
    tried = [log_batch(cells, part, np.full_like(part, mean), difference) for mean in FIRST_MEANS]
    kept = np.full_like(tried[0], math.log(KEPT_AT_FIRST))
    rest = math.log((1 - KEPT_AT_FIRST) / len(FIRST_MEANS))
    return log_sum(np.stack([kept, *(rest + each for each in tried)], axis=-1))


def log_batch(cells: Cells, part: Floats, mean: Floats, difference: Floats | float) -> Floats:
    """Log of the product over a batch's users for each of STAKES, on a last axis; arguments as `log_factors`."""
    (n_a, n_b), (s_a, s_b) = (np.moveaxis(each, -1, 0)[..., None] for each in cells)
    p_a, p_b = part[..., None], 1 - part[..., None]
    apart = np.asarray(difference)[..., None]
    stake = np.minimum(STAKES, MOST_STAKED / np.maximum(p_a, p_b))
    mean_a = np.clip(mean[..., None] + apart * p_b, np.maximum(0.0, apart), np.minimum(1.0, 1 + apart))
    mean_b = np.clip(mean_a - apart, 0, 1)
    return np.asarray(
        s_a * np.log1p(stake * p_b * (1 - mean_a))
        + (n_a - s_a) * np.log1p(-stake * p_b * mean_a)
        + s_b * np.log1p(-stake * p_a * (1 - mean_b))
        + (n_b - s_b) * np.log1p(stake * p_a * mean_b)
    )
