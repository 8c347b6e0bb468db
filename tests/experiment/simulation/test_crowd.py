"""Users by number are as users one by one: the same means and spreads of everything that a simulation gives."""

import dataclasses

import numpy as np
import pytest

from abtest.experiment.simulation import (
    Change,
    Runs,
    Scenario,
    SequentialTest,
    Users,
    interval_policy,
    request_policy,
    simulate,
)

pytestmark = pytest.mark.slow

PLAIN = Scenario("plain", (0.3, 0.4, 0.2), intervals=6, requests=80)
SCENARIOS = [
    PLAIN,
    dataclasses.replace(PLAIN, name="late", delay=(0.5, 0.2, 0.3), window=3),
    dataclasses.replace(PLAIN, name="sticky", users=Users(0.3)),
    dataclasses.replace(PLAIN, name="changing", changes=(Change(0.5, (0.1, 0.1, 0.9)),)),
]


def figures(runs: Runs) -> np.ndarray:
    """One row for each run."""
    parts = (runs.trials, runs.rewards, runs.first_trials, runs.first_rewards)
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_means_and_spreads_agree(scenario: Scenario) -> None:
    policy, test = interval_policy("ThompsonSampling"), SequentialTest(mode="learn_first", even=0.2)
    one, many = (simulate(scenario, policy, runs=1000, seed=2, test=test, by_counts=way) for way in (False, True))
    a, b = figures(one), figures(many)
    errors = np.sqrt((a.var(axis=0) + b.var(axis=0)) / 1000)
    assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 4.5 * errors + 1e-12)
    spread = (a.std(axis=0) + 1e-9) / (b.std(axis=0) + 1e-9)
    assert 0.8 < spread.min() <= spread.max() < 1.25
    assert one.decisions is not None
    assert many.decisions is not None
    assert np.mean(one.decisions.leader >= 0) == pytest.approx(np.mean(many.decisions.leader >= 0), abs=0.06)


def test_nobody_gets_lost() -> None:
    scenario = dataclasses.replace(PLAIN, users=Users(0.25), requests=10_000_000)
    runs = simulate(scenario, interval_policy("EpsilonGreedy"), runs=3, seed=1, by_counts=True)
    assert (runs.trials.sum(axis=2) == 10_000_000).all()
    assert (runs.first_trials[:, 0] == runs.trials[:, 0]).all()
    assert runs.first_trials[:, 1:].sum(axis=2) == pytest.approx(2_500_000, rel=0.01)


def test_a_seed_repeats() -> None:
    first, again = (simulate(PLAIN, interval_policy("UCB1"), runs=5, seed=7, by_counts=True) for _ in range(2))
    assert (figures(first) == figures(again)).all()


def test_what_cannot_be_counted() -> None:
    differing = dataclasses.replace(PLAIN, users=Users(0.5, 10.0))
    with pytest.raises(ValueError, match="by_counts: sticky users of differing rates"):
        simulate(differing, interval_policy("UCB1"), runs=1, by_counts=True)
    with pytest.raises(ValueError, match="by_counts: a request policy"):
        simulate(PLAIN, request_policy("ThompsonSampling"), runs=1, by_counts=True)
