"""Simulated experiments: seeded, all runs at once, every policy on the same users.

scenario = Scenario("close", (0.04, 0.05), delay=(0.0, 1.0))
ours = simulate(scenario, interval_policy("ThompsonSampling"), runs=1000, seed=1)
theirs = simulate(scenario, request_policy("ThompsonSampling"), runs=1000, seed=1)
ratio(ours.total_regret, theirs.total_regret)
"""

from abtest.experiment.simulation.decisions import SequentialTest
from abtest.experiment.simulation.policies import (
    IntervalPolicy,
    Policy,
    RequestPolicy,
    Session,
    interval_policy,
)
from abtest.experiment.simulation.published import request_policy
from abtest.experiment.simulation.runs import Estimate, Runs, difference, estimate, ratio
from abtest.experiment.simulation.scenario import Change, Scenario, Users
from abtest.experiment.simulation.simulate import simulate

__all__ = [
    "Change",
    "Estimate",
    "IntervalPolicy",
    "Policy",
    "RequestPolicy",
    "Runs",
    "Scenario",
    "SequentialTest",
    "Session",
    "Users",
    "difference",
    "estimate",
    "interval_policy",
    "ratio",
    "request_policy",
    "simulate",
]
