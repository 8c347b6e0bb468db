"""The strategies by the names that the tables give them: a task names its policy, since policies cannot be pickled."""

import importlib
from collections.abc import Callable

from abtest.experiment.simulation import IntervalPolicy, Policy, interval_policy, request_policy

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


def _library(module: str, constant: str) -> Callable[[str], IntervalPolicy]:
    def find(name: str) -> IntervalPolicy:
        policies: tuple[IntervalPolicy, ...] = getattr(importlib.import_module(module), constant)
        return next(policy for policy in policies if policy.name == name)

    return find


LIBRARIES = {
    "mabwiser": _library("bench.peers.mabwiser_library", "MABWISER"),
    "bayesianbandits": _library("bench.peers.bayesianbandits_library", "BAYESIANBANDITS"),
    "GrowthBook": _library("bench.peers.growthbook", "GROWTHBOOK"),
}


def policy(name: str) -> Policy:
    """By name; KeyError or ValueError if there is none of it."""
    first, _, rest = name.partition(" ")
    if name == EQUAL:
        return interval_policy("WeightedSampling", name=EQUAL)
    if first == "published":
        return request_policy(rest)
    if first in LIBRARIES:
        return LIBRARIES[first](name)
    return interval_policy(name)


def runs_of(name: str, runs: int) -> int:
    """How many of `runs` runs this policy gets."""
    return max(2, runs // LIBRARY_PEERS.get(name, 1))
