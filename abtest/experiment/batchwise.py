"""`stopping.Evidence` of many batches at once, on arrays; formulas and proof are there.

A year of intervals has 35,000 batches a pair, and the interval of a difference asks for them some thirty times.
"""

import math
from collections.abc import Sequence

import numpy as np

from abtest.experiment.log_gamma import Floats
from abtest.experiment.posterior import Trials
from abtest.experiment.stopping import FIRST_MEANS, KEPT_AT_FIRST, MOST_STAKED, STAKES, WEIGHTS


def array_of(cells: Sequence[Trials]) -> Floats:
    """[batches, 2]: users and reward sum."""
    return np.array(cells, dtype=np.float64).reshape(-1, 2)


def highest(a: Floats, b: Floats, difference: float = 0.0) -> Floats:
    """The highest e-value so far for "a exceeds b by more than `difference`" after each batch; in logarithms.

    `a` and `b` are `array_of` their batches.
    """
    if difference < -1:
        return np.full(len(a), np.inf)
    n, s = np.stack([a, b], axis=-1).transpose(1, 2, 0)
    both = (n > 0).all(axis=0)
    users, reward = (np.cumsum(x, axis=1) - x for x in (n, s))
    logs = np.zeros((len(a), len(STAKES)))
    if both.any():
        seen = n[:, both], s[:, both], users[:, both], reward[:, both]
        logs[both] = log_factors(*seen, min(difference, 1.0))
    e_values = log_sum(np.log(WEIGHTS) + np.cumsum(logs, axis=0))
    return np.maximum.accumulate(np.where(both, np.maximum(e_values, 0.0), 0.0))


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


def log_sum(logs: Floats) -> Floats:
    """Along the last axis, the log of the sum of the numbers with these logarithms."""
    most = logs.max(axis=-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logs - most).sum(axis=-1)))
