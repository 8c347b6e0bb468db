"""The published sample's rules, one request at a time."""

from typing import Any

import numpy as np
import pytest

from abtest.experiment.allocation.posterior_arrays import probability_best
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import request_policy

TRIALS: Floats = np.array([[100.0, 100.0, 10.0]])
REWARDS: Floats = np.array([[20.0, 30.0, 2.0]])


def shares(strategy: str, trials: Floats, rewards: Floats, draws: int = 20_000, **arguments: Any) -> list[float]:
    """How often each arm is picked."""
    policy = request_policy(strategy, **arguments)
    picks = policy.choose(np.tile(trials, (draws, 1)), np.tile(rewards, (draws, 1)), np.random.default_rng(1))
    return [float(share) for share in np.bincount(picks, minlength=trials.shape[1]) / draws]


def test_each_strategy_picks_by_its_rule() -> None:
    assert shares("WeightedSampling", TRIALS, REWARDS, weights=[1, 2, 1]) == pytest.approx([0.25, 0.5, 0.25], abs=0.02)
    assert shares("EpsilonGreedy", TRIALS, REWARDS, epsilon=0.3) == pytest.approx([0.1, 0.8, 0.1], abs=0.02)
    # 0.2 + 0.327, 0.3 + 0.327, 0.2 + 1.034
    assert shares("UCB1", TRIALS, REWARDS) == [0, 0, 1]
    assert shares("ThompsonSampling", TRIALS, REWARDS) == pytest.approx(probability_best(TRIALS, REWARDS)[0], abs=0.02)


@pytest.mark.parametrize("strategy", ["EpsilonGreedy", "UCB1", "ThompsonSampling"])
def test_the_initial_weights_until_every_arm_has_more_than_warmup(strategy: str) -> None:
    assert shares(strategy, TRIALS, REWARDS, warmup=10, weights=[0, 1, 0]) == [0, 1, 0]
    unseen = np.array([[5.0, 0.0]])
    assert shares(strategy, unseen, np.zeros((1, 2))) == pytest.approx([0.5, 0.5], abs=0.02)


def test_runs_leave_warmup_on_their_own() -> None:
    policy = request_policy("UCB1", weights=[1, 0, 0])
    trials = np.array([[100.0, 100.0, 10.0], [100.0, 100.0, 0.0]])
    rewards = np.array([[20.0, 30.0, 2.0], [20.0, 30.0, 0.0]])
    assert policy.choose(trials, rewards, np.random.default_rng(1)).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"strategy": "Adaptive"}, "strategy"),
        ({"epsilon": -1}, "epsilon"),
        ({"warmup": -1}, "warmup"),
        ({"weights": [1]}, "weights"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        policy = request_policy(**{"strategy": "UCB1"} | arguments)
        policy.choose(np.zeros((1, 2)), np.zeros((1, 2)), np.random.default_rng(1))
