"""The strategies of the published sample (aws-samples/amazon-sagemaker-ab-testing-pipeline), request by request.

Its rules: while any arm has no more than `warmup` invocations, an arm by the initial weights; then the strategy, on
counters where an invocation counts at once and a conversion when it is seen. Ties go to the first arm.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from abtest.experiment.allocation.strategies import check_share, check_trials, initial_shares
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.policies import Picks, RequestPolicy

# Counters [runs, arms], a generator, epsilon -> an arm for each run; every arm has an invocation.
Choice: TypeAlias = Callable[[Floats, Floats, np.random.Generator, float], Picks]


def epsilon_greedy(trials: Floats, rewards: Floats, random: np.random.Generator, epsilon: float) -> Picks:
    """With probability `epsilon` any arm, else the one with the highest mean."""
    explored = random.random(len(trials)) <= epsilon
    return np.where(explored, random.integers(trials.shape[1], size=len(trials)), (rewards / trials).argmax(axis=1))


def ucb1(trials: Floats, rewards: Floats, _random: np.random.Generator, _epsilon: float) -> Picks:
    """The highest mean + sqrt(2 ln(all invocations) / its own)."""
    log = 2 * np.log(trials.sum(axis=1, keepdims=True))
    picks: Picks = (rewards / trials + np.sqrt(log / trials)).argmax(axis=1)
    return picks


def thompson_sampling(trials: Floats, rewards: Floats, random: np.random.Generator, _epsilon: float) -> Picks:
    """The highest draw from Beta(1 + reward, 1 + invocations - reward)."""
    picks: Picks = random.beta(1 + rewards, 1 + trials - rewards).argmax(axis=1)
    return picks


CHOICES: dict[str, Choice | None] = {
    "WeightedSampling": None,
    "EpsilonGreedy": epsilon_greedy,
    "UCB1": ucb1,
    "ThompsonSampling": thompson_sampling,
}


def request_policy(
    strategy: str,
    *,
    weights: Sequence[float] | None = None,
    epsilon: float = 0.1,
    warmup: int = 0,
    name: str | None = None,
) -> RequestPolicy:
    """One of the published strategies by its name; `epsilon` (0..1) is EpsilonGreedy's, `warmup` as above.

    ValueError naming a wrong argument; wrong `weights` are found when a simulation begins.
    """
    if strategy not in CHOICES:
        raise ValueError(f"strategy: must be one of {', '.join(CHOICES)}, not {strategy!r}")
    check_share("epsilon", epsilon)
    check_trials("warmup", warmup)
    follow = CHOICES[strategy]

    def choose(trials: Floats, rewards: Floats, random: np.random.Generator) -> Picks:
        ready = (trials > warmup).all(axis=1)
        if follow is not None and ready.all():
            return follow(trials, rewards, random, epsilon)
        edges = np.cumsum(initial_shares(weights, trials.shape[1]))[:-1]
        picks: Picks = (random.random((len(trials), 1)) >= edges).sum(axis=1)
        if follow is not None and ready.any():
            picks[ready] = follow(trials[ready], rewards[ready], random, epsilon)
        return picks

    return RequestPolicy(name or f"published {strategy}", choose)
