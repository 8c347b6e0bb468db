"""Users whose own rates are Beta distributed around the arm's: a table of rates by quantile.

The Beta density is tabulated on the logit scale (see `allocation.posterior`), where it is smooth however small its
parameters are, and summed by the trapezoid rule. A user is one of BINS equally likely bins and converts at its bin's
mean rate, so that the mean over users is the arm's rate.
"""

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats

BINS = 1024
POINTS = 20_000  # of the table of a distribution
NEGLIGIBLE = 36.0  # what lies beyond e**-36 of the mass is left out


def mean_rates(rates: Floats, concentration: float | None) -> NDArray[np.float32]:
    """Of [intervals, arms], users' rates [intervals, arms, BINS], ascending; `rates` again if users are alike."""
    if concentration is None:
        return rates.astype(np.float32)
    known = {float(rate): _bin_means(float(rate), concentration) for rate in np.unique(rates)}
    return np.array([[known[float(rate)] for rate in row] for row in rates], dtype=np.float32)


def _bin_means(rate: float, concentration: float) -> Floats:
    """Mean of each of BINS equally likely parts of Beta(c rate, c (1 - rate))."""
    if rate in (0.0, 1.0):
        return np.full(BINS, rate)
    a, b = concentration * rate, concentration * (1 - rate)
    spread = 9 * np.sqrt(1 / a + 1 / b)
    # Points in sinh: dense around the mode, sparse in a tail that reaches far.
    s = np.linspace(-np.arcsinh(NEGLIGIBLE / a + spread), np.arcsinh(NEGLIGIBLE / b + spread), POINTS)
    t = np.sinh(s) + np.log(a / b)
    log_density = -a * np.logaddexp(0, -t) - b * np.logaddexp(0, t)
    mass = np.exp(log_density - log_density.max()) * np.cosh(s)
    cumulative = np.concatenate([[0.0], np.cumsum(mass) / mass.sum()])
    partial = np.concatenate([[0.0], np.cumsum(mass * np.exp(-np.logaddexp(0, -t))) / mass.sum()])
    means = BINS * np.diff(np.interp(np.linspace(0, 1, BINS + 1), cumulative, partial))
    scaled: Floats = np.clip(means * (rate / means.mean()), 0, 1)
    return scaled
