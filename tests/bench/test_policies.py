import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import RequestPolicy
from abtest.experiment.simulation.policies import Picks
from bench.policies import policy

RUNS = 400


def picks_of(name: str, trials: Floats, rewards: Floats) -> Picks:
    found = policy(name)
    assert isinstance(found, RequestPolicy)
    return found.choose(trials, rewards, np.random.default_rng(1))


def test_ties_of_the_published_go_to_another_arm_in_each_run() -> None:
    trials, none = np.full((RUNS, 4), 10.0), np.zeros((RUNS, 4))
    for name in ("published EpsilonGreedy", "published UCB1"):
        picks = picks_of(name, trials, none)
        assert np.bincount(picks, minlength=4).min() > RUNS / 8


def test_who_leads_is_picked_wherever_it_stands() -> None:
    trials = np.full((RUNS, 4), 1000.0)
    for arm in range(4):
        rewards = np.full((RUNS, 4), 100.0)
        rewards[:, arm] = 300.0
        picks = picks_of("published UCB1", trials, rewards)
        assert (picks == arm).all()
