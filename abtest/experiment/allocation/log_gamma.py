"""The logarithm of the gamma function of arrays, which numpy lacks: Stirling's series, eight steps up for a small x."""

import math

import numpy as np

from abtest.experiment.allocation.posterior import stirling_series
from abtest.experiment.arrays import Floats

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def log_gamma(x: Floats) -> Floats:
    """To 1e-11 of it, for x above 0."""
    values: Floats = (x - 0.5) * np.log(x) - x + HALF_LOG_TAU + stirling_error(x)
    return values


def stirling_error(x: Floats) -> Floats:
    """ln gamma(x) less Stirling's formula, (x - 1/2) ln x - x + ln(2 pi)/2, for x above 0."""
    series = stirling_series(np.where(x < 20, x + 8, x))
    small = np.minimum(x, 20)
    factors = np.log(np.prod([small + step for step in range(8)], axis=0))
    up = (small + 7.5) * np.log(small + 8) - (small - 0.5) * np.log(small) - 8
    return np.where(x < 20, series + up - factors, series)


def log_beta(a: Floats, b: Floats) -> Floats:
    """The logarithm of the Beta function, for a and b above 0."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)
