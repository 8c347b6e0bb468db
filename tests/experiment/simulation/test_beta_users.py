"""Users' own rates, against SciPy's Beta distribution."""

import numpy as np
import pytest
from scipy import stats

from abtest.experiment.simulation.beta_users import BINS, mean_rates


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.05, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("concentration", [0.5, 2.0, 20.0, 5000.0])
def test_the_mean_over_users_is_the_rate(rate: float, concentration: float) -> None:
    rates = mean_rates(np.array([[rate]]), concentration)[0, 0].astype(float)
    assert rates.mean() == pytest.approx(rate, rel=1e-6)
    assert (np.diff(rates) >= 0).all()


@pytest.mark.parametrize(("a", "b"), [(0.1, 1.9), (1, 19), (2, 2), (50, 950), (19, 1)])
def test_quantiles_and_variance_are_those_of_the_beta(a: float, b: float) -> None:
    rates = mean_rates(np.array([[a / (a + b)]]), a + b)[0, 0].astype(float)
    inner = np.arange(10, BINS - 10)
    exact = stats.beta(a, b)
    low, high = exact.ppf(inner / BINS), exact.ppf((inner + 1) / BINS)
    assert (rates[inner] >= low - 1e-6).all()
    assert (rates[inner] <= high + 1e-6).all()
    assert rates.var() == pytest.approx(exact.var(), rel=0.01)


def test_users_who_are_alike_need_no_table() -> None:
    assert mean_rates(np.array([[0.25, 0.5]]), None).tolist() == [[0.25, 0.5]]
