"""E-values, which are worked with as logarithms: products overflow where sums do not."""

import math

import numpy as np

from abtest.experiment.arrays import Floats

LARGEST = 1e100  # e-values are cut there: they are stored as decimals


def of_log(log: float) -> float:
    """The e-value with this logarithm."""
    return math.exp(min(log, math.log(LARGEST)))


def log_sum(logs: Floats) -> Floats:
    """Along the last axis, the log of the sum of the numbers with these logarithms."""
    most = logs.max(axis=-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logs - most).sum(axis=-1)))
