"""P(best) of many runs at once, against that of one run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment.allocation import posterior
from abtest.experiment.allocation.posterior_arrays import probability_best
from abtest.experiment.arrays import Floats

BOUND = 1e-6


def exact(trials: Floats, rewards: Floats) -> Floats:
    pairs = np.stack([trials, rewards], axis=2).tolist()
    return np.array([posterior.probability_best([(n, s) for n, s in run]) for run in pairs])


@st.composite
def runs_of_arms(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Trials and rewards [runs, arms]: close or far apart, empty arms, 10 million trials, all or none converted."""
    shape = (draw(st.integers(1, 8)), draw(st.sampled_from([1, 2, 3, 5, 10, 20])))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    trials = np.where(random.random(shape) < 0.1, 0, 10 ** random.uniform(-1, draw(st.floats(0, 7)), shape))
    if draw(st.booleans()):
        rate = random.uniform(0.01, 0.9, (shape[0], 1))
        noise = random.normal(size=shape) * np.sqrt(trials * rate * (1 - rate))
        return trials, np.clip(trials * rate + noise, 0, trials)
    return trials, trials * random.choice([0, 1e-4, 0.05, 0.5, 0.95, 1], size=shape) * random.choice([0.9, 0.999, 1])


@pytest.mark.slow
@given(runs_of_arms())
@settings(max_examples=60, deadline=None)
def test_each_run_gets_the_exact_probability(counts: tuple[Floats, Floats]) -> None:
    """Whatever the other runs are: each is compared by itself."""
    best = probability_best(*counts)
    assert np.abs(best - exact(*counts)).max() <= BOUND
    assert best.sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_no_run_and_many_runs() -> None:
    assert probability_best(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    trials, rewards = np.array([[100.0, 100.0], [1e7, 3.0]]), np.array([[10.0, 12.0], [5e6, 3.0]])
    many = probability_best(np.tile(trials, (600, 1)), np.tile(rewards, (600, 1)))
    assert many == pytest.approx(np.tile(exact(trials, rewards), (600, 1)), abs=BOUND)
