"""Finds strategies by the names that the tables give: a task names its policy, since policies cannot be pickled."""

import functools
import importlib

import numpy as np

from abtest.experiment.allocation.adaptive import Beliefs
from abtest.experiment.allocation.strategies import Known
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import IntervalPolicy, Policy, RequestPolicy, interval_policy, request_policy
from abtest.experiment.simulation.policies import Picks

PUBLISHED = "published ThompsonSampling"  # what everything is measured against: per request, on raw counters
EQUAL = "equal split"
STRATEGIES = ("WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling")
GROWTHBOOK = "GrowthBook bandit"

# Libraries that are asked run by run, where there is time for it, and by what their number of runs is divided: they get
# the first ones of the same draws.
LIBRARY_PEERS = {
    "mabwiser Thompson": 1,
    "mabwiser UCB1": 1,
    "bayesianbandits Thompson": 2,
    "bayesianbandits Thompson, decay 0.97": 2,
    "bayesianbandits IDS": 10,
}

BASIC = (PUBLISHED, "published UCB1", "published EpsilonGreedy", EQUAL, GROWTHBOOK)


# By the first word of their names: modules, each with its POLICIES. They load libraries that only a run of them needs.
PEERS = {
    "mabwiser": "bench.peers.mabwiser_library",
    "bayesianbandits": "bench.peers.bayesianbandits_library",
    "GrowthBook": "bench.peers.growthbook",
}


def policy(name: str) -> Policy:
    """Returns a policy by name; ValueError or StopIteration if there is none of it."""
    first, _, rest = name.partition(" ")
    if name == EQUAL:
        return interval_policy("WeightedSampling", name=EQUAL)
    if first == "published":
        return request_policy(rest) if name == PUBLISHED else _shuffled(request_policy(rest))
    if first in PEERS:
        policies: tuple[IntervalPolicy, ...] = importlib.import_module(PEERS[first]).POLICIES
        return next(policy for policy in policies if policy.name == name)
    return interval_policy(name)


class _Remembering:
    """A session of `Adaptive` that takes each closed interval in once, where the product reads all of them anew."""

    def __init__(self, runs: int, arms: int) -> None:
        self._beliefs, self._taken, self._arms = Beliefs.start(runs, arms), 0, arms

    def shares(self, known: Known) -> Floats:
        self._take(known)
        return self._beliefs.shares() if self._taken else np.full((len(known.trials), self._arms), 1 / self._arms)

    def leaders(self, known: Known) -> Picks:
        self._take(known)
        leaders: Picks = self._beliefs.best().argmax(axis=1)
        return leaders

    def _take(self, known: Known) -> None:
        for interval in range(self._taken, known.closed):
            self._beliefs = self._beliefs.after(known.trials[:, interval], known.rewards[:, interval])
        self._taken = known.closed


def remembering(strategy: str) -> IntervalPolicy:
    """Returns a strategy for many intervals: `Adaptive` in time proportional to them; it needs conversions on time."""
    return IntervalPolicy(strategy, _Remembering, "closed") if strategy == "Adaptive" else interval_policy(strategy)


def _shuffled(policy: RequestPolicy) -> RequestPolicy:
    """Gives the arms another order in each run: the policy gives ties to the first, which must not be best by design.

    Before the first conversion all means are 0: with the best arm in front, to be late would be an advantage.
    """

    def choose(trials: Floats, rewards: Floats, random: np.random.Generator) -> Picks:
        order = _orders(*trials.shape)
        picks = policy.choose(np.take_along_axis(trials, order, 1), np.take_along_axis(rewards, order, 1), random)
        return np.take_along_axis(order, picks[:, None], 1)[:, 0]

    return RequestPolicy(policy.name, choose)


@functools.cache
def _orders(runs: int, arms: int) -> Picks:
    return np.random.default_rng(0).permuted(np.tile(np.arange(arms), (runs, 1)), axis=1)


def runs_of(name: str, runs: int) -> int:
    """Returns how many of `runs` runs this policy gets."""
    return max(2, runs // LIBRARY_PEERS.get(name, 1))
