import math

import numpy as np
import pytest
from scipy import special

from abtest.experiment.adaptive_filter import COMPONENTS, Filter, log_gamma


def filtered(batches: list[list[tuple[float, float]]]) -> Filter:
    """After these intervals, each with (trials, reward) of every arm; one run."""
    known = Filter.start(1, len(batches[0]))
    for batch in batches:
        trials, rewards = np.array(batch).T[:, None, :]
        known = known.after(trials, rewards)
    return known


def mean(known: Filter, arm: int) -> float:
    mixture = known.mixture
    return float((mixture.weight * mixture.a / (mixture.a + mixture.b))[0, arm].sum())


def test_log_gamma() -> None:
    x = np.concatenate([np.logspace(-4, 7, 200), np.arange(1.0, 40.0)])
    assert log_gamma(x) == pytest.approx(special.gammaln(x), rel=1e-11, abs=1e-11)


def test_the_first_interval_is_a_beta_posterior() -> None:
    known = filtered([[(100.0, 30.0), (50.0, 1.5)]])
    assert known.mixture.weight[0, :, 0] == pytest.approx([1, 1])
    assert known.mixture.a[0, :, 0] == pytest.approx([31, 2.5])
    assert known.mixture.b[0, :, 0] == pytest.approx([71, 49.5])


def test_weights_are_a_distribution_and_every_trial_stays_in_the_oldest_component() -> None:
    known = filtered([[(500.0, 25.0), (500.0, 20.0)]] * 40)
    assert known.mixture.weight.sum(axis=2) == pytest.approx(np.ones((1, 2)))
    assert known.mixture.weight.shape[2] == COMPONENTS
    assert known.mixture.trials[0, :, 0] == pytest.approx([20_000, 20_000])
    assert known.mixture.weight[0, 0, 0] > 0.5


def test_a_jump_is_followed() -> None:
    known = filtered([[(1000.0, 50.0), (1000.0, 50.0)]] * 20 + [[(1000.0, 90.0), (1000.0, 50.0)]] * 3)
    assert mean(known, 0) == pytest.approx(0.088, abs=0.006)
    assert mean(known, 1) == pytest.approx(0.05, abs=0.002)


def test_steady_rates_are_pooled_over_all_intervals() -> None:
    rng = np.random.default_rng(5)
    known = filtered([[(1000.0, float(rng.binomial(1000, 0.1)))] for _ in range(50)])
    assert mean(known, 0) == pytest.approx(0.1, abs=3 * math.sqrt(0.09 / 50_000))


def test_a_jump_of_one_arm_makes_the_other_uncertain() -> None:
    calm = [[(20.0, 1.0), (1000.0, 60.0)]] * 20
    stays = filtered([[(1000.0, 40.0), (1000.0, 60.0)], *calm, *[[(0.0, 0.0), (1000.0, 60.0)]] * 3])
    falls = filtered([[(1000.0, 40.0), (1000.0, 60.0)], *calm, *[[(0.0, 0.0), (1000.0, 30.0)]] * 3])
    young = [known.mixture.weight[0, 0][known.mixture.began[0, 0] > 18].sum() for known in (stays, falls)]
    assert young[1] > 3 * young[0]


def test_an_idle_arm_grows_uncertain_at_the_pace_of_traffic() -> None:
    first = [[(1000.0, 40.0), (1000.0, 50.0)]]
    doubts = []
    for served in (10.0, 100.0, 1000.0):
        known = filtered([*first, *[[(0.0, 0.0), (served, served / 20)]] * 20])
        doubts.append(1 - known.mixture.weight[0, 0, 0])
    assert doubts[0] < 0.2 * doubts[1] < 0.1 * doubts[2]
