"""Measures .04 against .05 with 50,000 requests for those who need the answer: decided, wrong, and what it cost.

The cost is regret as a share of an equal split's over the same requests. After a decision shares follow the strategy,
which may still explore a little.
"""

from typing import Any

from abtest.experiment.allocation.strategies import EVEN_WHILE_LEARNING
from abtest.experiment.simulation import Scenario, SequentialTest, estimate, interval_policy, simulate
from bench.false_decisions import ALPHA, z_test
from bench.pool import Task

SEED = 77
SCENARIO = Scenario(".04 / .05", (0.04, 0.05), intervals=50, requests=1000)
SPLIT_REGRET = 250.0  # of an equal split: half of 50,000 requests lose .01 each
# The part of the traffic that is split evenly until the decision; the product's own is among them.
EVEN = tuple(sorted({0.1, 0.2, 0.4, 0.6, 0.8, 1.0, EVEN_WHILE_LEARNING}))


def measure(strategy: str, mode: str, even: float, runs: int) -> dict[str, Any]:
    """Runs a strategy in a mode of the always-valid test; `even`, 0..1, is what "learn_first" splits evenly."""
    test = SequentialTest(ALPHA, mode=mode, even=even)
    result = simulate(SCENARIO, interval_policy(strategy), runs=runs, seed=SEED, test=test)
    if result.decisions is None:
        raise AssertionError("the simulation was given a test")
    decided = result.decisions.leader >= 0
    looks = result.decisions.decided_at[decided]
    return {
        "strategy": strategy,
        "rule": mode,
        "even": even if mode == "learn_first" else None,
        "runs": runs,
        "decided": list(estimate(decided)),
        "wrong": int(result.false_decision.sum()),
        "requests to decide": float((looks.mean() + 1) * SCENARIO.requests) if len(looks) else None,
        "regret": list(estimate(result.total_regret / SPLIT_REGRET)),
    }


def fixed_horizon(runs: int) -> dict[str, Any]:
    """Runs an equal split and one z-test at the end."""
    result = simulate(SCENARIO, interval_policy("WeightedSampling"), runs=runs, seed=SEED)
    trials, rewards = result.trials.sum(axis=1), result.rewards.sum(axis=1)
    decided = z_test(trials, rewards)
    worse_leads = rewards[:, 0] / trials[:, 0] > rewards[:, 1] / trials[:, 1]
    return {
        "strategy": "equal split",
        "rule": "z-test at the end",
        "even": None,
        "runs": runs,
        "decided": list(estimate(decided)),
        "wrong": int((decided & worse_leads).sum()),
        "requests to decide": float(SCENARIO.intervals * SCENARIO.requests),
        "regret": list(estimate(result.total_regret / SPLIT_REGRET)),
    }


def tasks(ours: str, runs: int) -> list[Task]:
    cost = 2.0 * SCENARIO.intervals * SCENARIO.requests * SCENARIO.arms
    modes = [("learn_first", even) for even in EVEN] + [("earn_first", 0.0)]
    own = [
        Task(f"learn first: {ours}, {mode}, {even:.0%} even", measure, (ours, mode, even, runs), cost)
        for mode, even in modes
    ]
    others = [
        Task("learn first: ThompsonSampling, earn_first", measure, ("ThompsonSampling", "earn_first", 0.0, runs), cost),
        Task("learn first: equal split, e-value", measure, ("WeightedSampling", "learn_first", 1.0, runs), cost),
        Task("learn first: equal split, z-test", fixed_horizon, (runs,), cost),
    ]
    return [*own, *others]
