"""Measures how soon a decision comes, what is lost until then, and how often it is wrong.

Users are counted in units of N80: what a z-test with one look at the end and 80 % power needs, of all arms together. A
run ends with its decision, or undecided at the horizon. Users of an interval are drawn together, so strategies and
modes do not meet the same ones; the comparisons under an equal split (`bench/equal_split.py`) all do.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.sample_size import Question, fixed_horizon
from abtest.experiment.record.settings import EARN_FIRST, LEARN_FIRST
from abtest.experiment.simulation import Scenario, SequentialTest, estimate, interval_policy, simulate
from bench import equal_split
from bench.cells import TEN
from bench.false_decisions import ALPHA
from bench.policies import remembering
from bench.pool import Task

Row = dict[str, Any]

SEED = 1010
POWER = 0.8
LEAST_RUNS = 20  # of a case that gets a part of the runs


@dataclasses.dataclass(frozen=True)
class Case:
    """Rates, the champion's first, and how often somebody looks.

    `parts` intervals have N80 users, or each has `requests` if given. The `horizon` is in units of N80. A case may get
    one run in `slower`.
    """

    name: str
    rates: tuple[float, ...]
    parts: int = 100
    requests: int | None = None
    horizon: float = 4.0
    slower: int = 1

    @property
    def n80(self) -> int:
        """The users, over all arms, of a z-test between the best and the next best; alpha is shared by Bonferroni."""
        other, best = sorted(self.rates)[-2:]
        arms = len(self.rates)
        return arms * fixed_horizon(Question(other, best - other, ALPHA, arms), POWER)

    @property
    def scenario(self) -> Scenario:
        requests = self.requests or max(round(self.n80 / self.parts), 1)
        intervals = max(round(self.horizon * self.n80 / requests), 1)
        return Scenario(self.name, self.rates, intervals=intervals, requests=requests)

    def runs_of(self, runs: int) -> int:
        return min(runs, max(LEAST_RUNS, runs // self.slower))


TWO_ARMS = (
    Case(".04 / .05", (0.04, 0.05)),
    Case(".65 / .67", (0.65, 0.67)),
    Case(".10 / .12", (0.10, 0.12)),
    Case(".92 / .83", (0.92, 0.83)),
    Case(".505 / .50", (0.505, 0.50), parts=50),
)
# Intervals are small enough that the first one's even split costs little.
MORE_ARMS = (
    Case(".04 / .045 / .05", (0.04, 0.045, 0.05), parts=400, horizon=3.0),
    Case("five arms, .10 against .08", (0.08, 0.10, 0.08, 0.08, 0.08), parts=400, horizon=3.0),
    Case("ten arms, .04 to .06", TEN, parts=400, horizon=1.5),
)
# The same rates with other intervals; the horizon is short because one user an interval is slow.
ONE, FEW, MANY = "one user an interval", "31 users an interval", "N80 / 5 an interval"
INTERVALS = (
    Case(ONE, (0.65, 0.67), requests=1, horizon=2.5, slower=10),
    Case(FEW, (0.65, 0.67), requests=31, horizon=2.5),
    Case(MANY, (0.65, 0.67), parts=5, horizon=2.5),
)


def measure(case: Case, strategy: str, mode: str, runs: int) -> Row:
    """Runs a strategy in a mode of the always-valid test."""
    count = case.runs_of(runs)
    result = simulate(
        case.scenario,
        remembering(strategy),
        runs=count,
        seed=SEED,
        test=SequentialTest(ALPHA, mode=mode),
        by_counts=True,
    )
    if result.decisions is None:
        raise AssertionError("the simulation was given a test")
    named = result.decisions.leader >= 0
    stops = np.where(named, result.decisions.decided_at, case.scenario.intervals)
    return _row(case, strategy, mode, stops, result.regret, result.false_decision)


def compare(case: Case, runs: int) -> list[Row]:
    """Splits two arms evenly and asks each of the other tests, all of the same users, when it would have decided."""
    count, scenario = case.runs_of(runs), case.scenario
    result = simulate(scenario, interval_policy("WeightedSampling"), runs=count, seed=SEED, by_counts=True)
    rows = []
    for name, test in equal_split.TESTS.items():
        verdict = test(result.first_trials, result.first_rewards, equal_split.Plan(case.rates, case.n80))
        wrong = verdict.decided & (verdict.leader != int(np.argmax(case.rates)))
        stops = np.where(verdict.decided, verdict.at, scenario.intervals)
        rows.append(_row(case, "equal split", name, stops, result.regret[:, : verdict.looked], wrong))
    return rows


def _row(
    case: Case, strategy: str, rule: str, stops: NDArray[np.int64], regret: Floats, wrong: NDArray[np.bool_]
) -> Row:
    """Sums up runs, which stopped at the ends of the intervals `stops` [runs]; beyond the last one is undecided.

    `regret` is [runs, intervals], of as many intervals as an undecided run lasts.
    """
    scenario = case.scenario
    decided = stops < scenario.intervals
    lost = regret.cumsum(axis=1)[np.arange(len(stops)), np.minimum(stops, regret.shape[1] - 1)]
    users = np.where(decided, (stops + 1.0) * scenario.requests, math.inf)
    return {
        "case": case.name,
        "strategy": strategy,
        "rule": rule,
        "requests": scenario.requests,
        "n80": case.n80,
        "horizon": case.horizon,
        "runs": len(stops),
        "decided": list(estimate(decided)),
        "median": median(users / case.n80),
        "regret": list(estimate(lost)),
        "wrong": int(wrong.sum()),
    }


def median(values: Floats) -> list[float] | None:
    """Returns the median and its standard error; None if it is infinite, and the error infinite if it may be.

    The error is half of how far apart the values are whose ranks are one standard error, sqrt(runs) / 2, below and
    above the middle one's (Conover, "Practical Nonparametric Statistics", 3rd ed., 1999, section 3.2).
    """
    ordered = np.sort(values)
    middle = float(np.median(ordered))
    if not math.isfinite(middle):
        return None
    reach, last = math.sqrt(len(ordered)) / 2, len(ordered) - 1
    low, high = max(math.floor(last / 2 - reach), 0), min(math.ceil(last / 2 + reach), last)
    return [middle, float(ordered[high] - ordered[low]) / 2]


def tasks(ours: str, runs: int) -> list[Task]:
    asked = [(case, mode) for case in (*TWO_ARMS, *MORE_ARMS) for mode in (LEARN_FIRST, EARN_FIRST)]
    asked += [(case, LEARN_FIRST) for case in INTERVALS]
    own = [
        Task(f"decide: {case.name}, {mode}", measure, (case, ours, mode, runs), _cost(case, runs))
        for case, mode in asked
    ]
    others = [
        Task(f"decide: {case.name}, other tests", compare, (case, runs), _cost(case, runs) / 4) for case in TWO_ARMS
    ]
    return [*own, *others]


def _cost(case: Case, runs: int) -> float:
    """Guesses what other sections count in requests by run: drawing by counts costs by interval and arm."""
    return 1500.0 * case.scenario.intervals * case.scenario.arms * case.runs_of(runs) / max(runs, 1)


def rows(results: list[Row | list[Row]]) -> list[Row]:
    """Returns the rows of all tasks, those of the same case together."""
    found = [row for result in results for row in (result if isinstance(result, list) else [result])]
    order = list(dict.fromkeys(row["case"] for row in found))
    return sorted(found, key=lambda row: order.index(row["case"]))
