import numpy as np
import pytest
from scipy import special

from abtest.experiment.allocation.log_gamma import log_beta, log_gamma, stirling_error

X = np.concatenate([np.logspace(-4, 7, 200), np.arange(1.0, 40.0)])


def test_log_gamma() -> None:
    assert log_gamma(X) == pytest.approx(special.gammaln(X), rel=1e-11, abs=1e-11)


def test_log_beta() -> None:
    assert log_beta(X, X[::-1]) == pytest.approx(special.betaln(X, X[::-1]), rel=1e-8, abs=1e-8)


def test_the_error_of_stirlings_formula_keeps_its_digits() -> None:
    """For large x it is 1/(12 x), of which the difference of two large logarithms would keep nothing."""
    assert stirling_error(np.array([1e9])) == pytest.approx([1 / 12e9], rel=1e-9)
