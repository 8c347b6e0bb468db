"""Measures how often a winner is named when all arms are equal and somebody looks 200 times.

Our decision is false if a challenger is named, as none is better than the champion; naming the champion does no harm.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from abtest.experiment.allocation.posterior_arrays import probability_best
from abtest.experiment.arrays import Floats
from abtest.experiment.record.settings import EARN_FIRST, LEARN_FIRST
from abtest.experiment.simulation import Scenario, SequentialTest, Users, interval_policy, simulate
from bench.policies import STRATEGIES
from bench.pool import Task

SEED = 51
LOOKS = 200
REQUESTS = 500  # an interval
ALPHA = 0.05
GBSTATS_RUNS = 5  # a share of the runs: its tests are Python objects, one for each run and look

SETUPS = {
    name: Scenario(name, rates, intervals=LOOKS, requests=REQUESTS, users=users)
    for name, rates, users in (
        ("two arms at .05", (0.05, 0.05), Users()),
        ("five arms at .1", (0.1,) * 5, Users()),
        ("sticky, 10% new, users differ", (0.2, 0.2), Users(new_share=0.1, concentration=5.0)),
        ("sticky, 2% new, users differ", (0.2, 0.2), Users(new_share=0.02, concentration=5.0)),
    )
}


def measure(setup: str, strategy: str, mode: str, runs: int) -> dict[str, Any]:
    """Returns the share of runs in which each rule named an arm: ours by user, the others on all invocations.

    "ours" is the share of false decisions, "named" that in which our test named anybody.
    """
    scenario = SETUPS[setup]
    test = SequentialTest(ALPHA, mode=mode)
    result = simulate(scenario, interval_policy(strategy), runs=runs, seed=SEED, test=test)
    if result.decisions is None:
        raise AssertionError("the simulation was given a test")
    trials, rewards = result.trials.cumsum(axis=1), result.rewards.cumsum(axis=1)
    row: dict[str, Any] = {"setup": setup, "strategy": strategy, "mode": mode, "runs": runs}
    row["looks"] = scenario.intervals
    row["ours"] = counted(result.false_decision[:, None])
    row["named"] = counted((result.decisions.leader >= 0)[:, None])
    if scenario.arms == 2:
        few = max(2, runs // GBSTATS_RUNS)
        row["z-test at every look"] = counted(z_test(trials, rewards))
        row["z-test once, at the end"] = counted(z_test(trials[:, -1:], rewards[:, -1:]))
        row["P(best) of .95 at any look"] = counted(likely(trials, rewards)[:, None])
        row["gbstats sequential test"] = counted(gbstats_sequential(trials[:few], rewards[:few])[:, None])
    return row


def counted(named: NDArray[np.bool_]) -> dict[str, float]:
    """Returns the share of runs of `named` [runs, looks] in which it ever was, its standard error and its upper limit.

    The limit is the one-sided 95 % limit of Clopper and Pearson (1934).
    """
    runs, count = len(named), int(np.count_nonzero(named.sum(axis=1)))
    share = count / runs
    upper = float(beta.ppf(0.95, count + 1, runs - count)) if count < runs else 1.0
    return {"runs": runs, "share": share, "error": math.sqrt(share * (1 - share) / runs), "upper": upper}


def z_test(trials: Floats, rewards: Floats) -> NDArray[np.bool_]:
    """Says whether the pooled two-sided z-test of two proportions, on the last axis, rejects at ALPHA."""
    rejected: NDArray[np.bool_] = np.abs(z_values(trials, rewards)) > norm.ppf(1 - ALPHA / 2)
    return rejected


def z_values(trials: Floats, rewards: Floats) -> Floats:
    """Returns the pooled z of two proportions, on the last axis: above 0 where the first is higher, 0 if undefined."""
    pooled = rewards.sum(axis=-1) / np.maximum(trials.sum(axis=-1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = rewards / trials
        z = (means[..., 0] - means[..., 1]) / np.sqrt(pooled * (1 - pooled) * (1 / trials).sum(axis=-1))
    values: Floats = np.nan_to_num(z)
    return values


def likely(trials: Floats, rewards: Floats) -> NDArray[np.bool_]:
    """Says by run, [runs], whether any arm's P(best) ever reached .95; of [runs, looks, arms]."""
    reached = np.zeros(len(trials), dtype=bool)
    for look in range(trials.shape[1]):
        rest = ~reached
        best = probability_best(trials[rest, look], rewards[rest, look])
        reached[rest] = best.max(axis=1, initial=0.0) >= 1 - ALPHA
    return reached


def gbstats_sequential(trials: Floats, rewards: Floats) -> NDArray[np.bool_]:
    """Says by run, [runs], whether GrowthBook's sequential t-test of two arms, by gbstats, was ever significant."""
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
    from gbstats.models.statistics import ProportionStatistic

    def significant(counts: Floats, sums: Floats) -> bool:
        a, b = (ProportionStatistic(n=int(n), sum=int(s)) for n, s in zip(counts, sums, strict=True))
        if not all(0 < s < n for n, s in zip(counts, sums, strict=True)):
            return False
        interval = SequentialTwoSidedTTest(a, b, SequentialConfig(alpha=ALPHA)).compute_result().ci
        return bool(interval[0] > 0 or interval[1] < 0)

    return np.array(
        [any(significant(n, s) for n, s in zip(*run, strict=True)) for run in zip(trials, rewards, strict=True)]
    )


def tasks(ours: str, runs: int) -> list[Task]:
    asked = [(strategy, EARN_FIRST) for strategy in dict.fromkeys((*STRATEGIES, ours))] + [(ours, LEARN_FIRST)]
    return [
        Task(
            f"false decisions: {setup}: {strategy}, {mode}",
            measure,
            (setup, strategy, mode, runs),
            3.0 * LOOKS * REQUESTS * SETUPS[setup].arms,
        )
        for setup in SETUPS
        for strategy, mode in asked
    ]
