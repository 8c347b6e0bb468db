"""The published daily experiment: 4 % against 5 %, 100 visits a day, of which a fixed test would need 223 days.

Steven L. Scott, "Multi-armed bandit experiments" (Google Analytics help, answer 2844870), whose rule is: after two
weeks at least, stop at the end of a day on which the best arm's P(best) is 95 % or more, or there is a probability of
95 % or more that the value remaining is less than 1 % of the leader's rate. Then all visits go to the leader.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import Scenario, estimate, probability_best, simulate
from abtest.experiment.simulation.runs import Runs
from bench.policies import EQUAL, GROWTHBOOK, PUBLISHED, policy, runs_of
from bench.pool import Task

SEED = 223
SCENARIO = Scenario("daily", (0.04, 0.05), intervals=223, requests=100)
LEAST_DAYS = 14
SURE = 0.95
SMALL = 0.01  # of the leader's rate
QUANTILES = (np.arange(200) + 0.5) / 200


def measure(name: str, least_days: int, runs: int) -> dict[str, Any]:
    """Returns days saved of 223; conversions saved beside an even split of all 223 days; right picks.

    The page counts what the experiment loses while it runs: its 175 days, 97.5 conversions and 96.4 % right fit nothing
    else. The stricter figure also charges a wrong pick with what it loses from then to day 223.
    """
    result = simulate(SCENARIO, policy(name), runs=runs, seed=SEED)
    last, leader = stops(result, least_days)
    rates, days, visits = np.array(SCENARIO.rates), SCENARIO.intervals, SCENARIO.requests
    lost = result.trials.cumsum(axis=1)[np.arange(runs), last] @ (rates.max() - rates)
    saved = days * visits * (rates.max() - rates.mean()) - lost
    lost_after = (days - 1 - last) * visits * (rates.max() - rates[leader])
    return {
        "strategy": name,
        "least_days": least_days,
        "runs": runs,
        "days_saved": list(estimate(days - 1 - last)),
        "conversions_saved": list(estimate(saved)),
        "conversions_saved_after_wrong_picks": list(estimate(saved - lost_after)),
        "right": list(estimate(rates[leader] == rates.max())),
    }


def stops(result: Runs, least_days: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns by run, [runs], the last day of the experiment, counted from 0, and the arm that led then."""
    runs, days, _ = result.trials.shape
    last, leaders = np.full(runs, days - 1), np.full(runs, -1)
    trials, rewards = result.trials.cumsum(axis=1), result.rewards.cumsum(axis=1)
    for day in range(least_days - 1, days):
        running = np.flatnonzero(leaders < 0)
        if not len(running):
            break
        best = probability_best(trials[running, day], rewards[running, day])
        leader = best.argmax(axis=1)
        done = (best.max(axis=1) >= SURE) | (day == days - 1)
        done |= better_by(trials[running, day], rewards[running, day], leader) < 1 - SURE
        last[running[done]], leaders[running[done]] = day, leader[done]
    return last, leaders


def better_by(trials: Floats, rewards: Floats, leader: NDArray[np.int64]) -> Floats:
    """Returns, [runs], the probability that the other arm is better than the leader by more than SMALL of its rate."""
    rows = np.arange(len(leader))
    a, b = 1 + rewards, 1 + trials - rewards
    theta = betaincinv(a[rows, leader][:, None], b[rows, leader][:, None], QUANTILES)
    limit = np.minimum((1 + SMALL) * theta, 1.0)
    above: Floats = 1 - betainc(a[rows, 1 - leader][:, None], b[rows, 1 - leader][:, None], limit)
    mean: Floats = above.mean(axis=1)
    return mean


def tasks(ours: str, runs: int) -> list[Task]:
    names = dict.fromkeys((ours, "ThompsonSampling", PUBLISHED, GROWTHBOOK, "bayesianbandits IDS", EQUAL))
    cost = 5.0 * SCENARIO.intervals * SCENARIO.requests * SCENARIO.arms
    rows = [(name, LEAST_DAYS) for name in names] + [(name, 1) for name in (ours, "ThompsonSampling")]
    return [
        Task(f"daily: {name}, at least {days} days", measure, (name, days, runs_of(name, runs)), cost)
        for name, days in rows
    ]
