"""Probability best in numpy, against the exact one."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from abtest.experiment.allocation import posterior
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import probability_best

Counts: TypeAlias = Callable[[np.random.Generator, int], tuple[Floats, Floats]]

BOUND = 1e-6


def exact(trials: Floats, rewards: Floats) -> Floats:
    pairs = np.stack([trials, rewards], axis=2).tolist()
    return np.array([posterior.probability_best([(n, s) for n, s in run]) for run in pairs])


def close(random: np.random.Generator, arms: int) -> tuple[Floats, Floats]:
    """Arms of nearly the same rate."""
    trials = np.floor(10 ** random.uniform(0, 6, (30, 1)) * random.uniform(0.01, 1, (30, arms)))
    rate = random.uniform(0.01, 0.9, (30, 1))
    noise = random.normal(size=trials.shape) * np.sqrt(trials * rate * (1 - rate))
    return trials, np.clip(trials * rate + noise, 0, trials)


def wild(random: np.random.Generator, arms: int) -> tuple[Floats, Floats]:
    """Empty arms, 10 million trials, no conversion, only conversions, all next to each other."""
    trials = np.where(random.random((30, arms)) < 0.1, 0, 10 ** random.uniform(-1, 7, (30, arms)))
    rates = random.choice([0, 1e-4, 0.05, 0.5, 0.95, 1], size=trials.shape) * random.choice([0.9, 0.999, 1])
    return trials, trials * rates


@pytest.mark.parametrize("arms", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("counts", [close, wild])
def test_agrees_with_the_exact_probability(arms: int, counts: Counts) -> None:
    trials, rewards = counts(np.random.default_rng(arms), arms)
    best = probability_best(trials, rewards)
    assert np.abs(best - exact(trials, rewards)).max() <= BOUND
    assert best.sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_no_run_and_many_runs() -> None:
    assert probability_best(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    trials, rewards = close(np.random.default_rng(7), 4)
    many = probability_best(np.tile(trials, (40, 1)), np.tile(rewards, (40, 1)))
    assert many == pytest.approx(np.tile(probability_best(trials, rewards), (40, 1)), abs=BOUND)


def test_a_run_does_not_depend_on_the_others() -> None:
    trials, rewards = np.array([[100.0, 100.0], [1e7, 3.0]]), np.array([[10.0, 12.0], [5e6, 3.0]])
    alone = probability_best(trials[:1], rewards[:1])
    assert probability_best(trials, rewards)[0] == pytest.approx(alone[0], abs=BOUND)
