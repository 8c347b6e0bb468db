"""E-values, which are worked with as logarithms: products overflow where sums do not."""

import math
from collections.abc import Iterable

LARGEST = 1e100  # e-values are cut there: they are stored as decimals


def of_log(log: float) -> float:
    """The e-value with this logarithm."""
    return math.exp(min(log, math.log(LARGEST)))


def log_sum(logs: Iterable[float]) -> float:
    """Log of the sum of the numbers with these logarithms."""
    logs = list(logs)
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs))
