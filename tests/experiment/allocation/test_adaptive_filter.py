import math

import numpy as np
import pytest

from abtest.experiment.allocation.adaptive_filter import COMPONENTS, MOST_WORTH, Filter, Mixture


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
    known = filtered([[(1000.0, 50.0), (1000.0, 70.0)]] * 20 + [[(1000.0, 90.0), (1000.0, 70.0)]] * 3)
    assert mean(known, 0) == pytest.approx(0.088, abs=0.006)
    assert mean(known, 1) == pytest.approx(0.07, abs=0.002)


def test_steady_rates_are_pooled_over_all_intervals() -> None:
    rng = np.random.default_rng(5)
    known = filtered([[(1000.0, float(rng.binomial(1000, 0.1)))] for _ in range(50)])
    assert mean(known, 0) == pytest.approx(0.1, abs=3 * math.sqrt(0.09 / 50_000))


def test_a_jump_is_as_far_as_arms_differ() -> None:
    """The prior of a jumped rate is as wide as the arms' difference, within its bounds."""
    apart, alike = ([[(1000.0, 1000 * rate), (1000.0, 50.0)]] * 10 for rate in (0.08, 0.0501))
    for batches, worth in ((apart, 0.065 * 0.935 / 0.03**2), (alike, MOST_WORTH)):
        a, b = filtered(batches)._prior()
        assert (a + b)[0, 0] == pytest.approx(worth, rel=0.1)


def test_an_idle_arm_grows_uncertain_at_the_pace_of_traffic() -> None:
    first = [[(1000.0, 40.0), (1000.0, 50.0)]]
    doubts = []
    for served in (10.0, 100.0, 1000.0):
        known = filtered([*first, *[[(0.0, 0.0), (served, served / 20)]] * 20])
        doubts.append(1 - known.mixture.weight[0, 0, 0])
    assert doubts[0] < 0.2 * doubts[1] < 0.1 * doubts[2]


def test_jumps_that_had_been_rarer_weigh_less() -> None:
    log_weight = np.log(np.full((1, 1, 2), 0.5))
    began = np.array([[[0.0, 3.0]]])
    ones = np.ones_like(began)
    mixture = Mixture(log_weight, ones, ones, ones, began)
    assert mixture.had_jumps_been(0.25).weight[0, 0] == pytest.approx([0.8, 0.2])
