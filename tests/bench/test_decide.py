"""How soon a decision comes: the cases, the tests of others under an equal split, what is summed up and judged."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abtest.experiment.simulation import Scenario, SequentialTest, interval_policy, simulate
from bench import aims, decide, equal_split, false_decisions, tables
from bench.policies import remembering

EASY = decide.Case("easy", (0.2, 0.4), parts=10)


def test_n80_is_of_all_arms_and_shares_alpha() -> None:
    """R: power.prop.test(p1=.2, p2=.4, power=.8) needs 81.2 of each arm."""
    assert EASY.n80 == 2 * 82
    assert decide.Case("three", (0.1, 0.2, 0.4)).n80 > 3 * 82
    assert (EASY.scenario.requests, EASY.scenario.intervals) == (16, 41)
    assert decide.Case("slow", (0.2, 0.4), slower=10).runs_of(1000) == 100
    assert decide.Case("slow", (0.2, 0.4), slower=10).runs_of(50) == 20


def test_a_decision_is_summed_up() -> None:
    row = decide.measure(EASY, "Adaptive", "learn_first", 60)
    assert row["decided"][0] > 0.9
    assert 0.3 < row["median"][0] < 2
    assert 0 < row["regret"][0] < 0.2 * 0.5 * 4 * EASY.n80 / 2
    assert row["wrong"] <= 3


def test_regret_counts_until_the_decision_or_the_horizon() -> None:
    regret = np.ones((3, 41))
    stops, wrong = np.array([0, 9, 41]), np.array([False, True, False])
    row = decide._row(EASY, "s", "r", stops, regret, wrong)
    assert row["regret"][0] == pytest.approx((1 + 10 + 41) / 3)
    assert row["median"][0] == pytest.approx(10 * 16 / EASY.n80)
    assert (row["decided"][0], row["wrong"]) == (pytest.approx(2 / 3), 1)


def test_the_median_has_an_error_or_is_infinite() -> None:
    values = np.random.default_rng(2).normal(5, 1, 10_000)
    found = decide.median(values)
    assert found is not None
    assert found[0] == np.median(values)
    assert found[1] == pytest.approx(math.sqrt(math.pi / 2) / 100, rel=0.15)
    assert decide.median(np.array([1.0, math.inf, math.inf])) is None


def test_remembering_changes_nothing() -> None:
    scenario = Scenario("close", (0.3, 0.5, 0.45), intervals=12, requests=7)
    test = SequentialTest(mode="learn_first")
    ours, theirs = (
        simulate(scenario, policy, runs=5, seed=4, test=test, by_counts=True)
        for policy in (remembering("Adaptive"), interval_policy("Adaptive"))
    )
    np.testing.assert_allclose(ours.shares, theirs.shares, rtol=1e-9, atol=1e-12)
    assert ours.pick.tolist() == theirs.pick.tolist()
    assert remembering("UCB1").name == "UCB1"


def test_the_boundary_is_the_published_one() -> None:
    """As ldbounds and gsDesign give it for five looks, two-sided .05, O'Brien-Fleming-type spending."""
    assert equal_split.boundary(5) == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=0.001)


def equal(rate: float, runs: int = 400) -> tuple[Any, Any]:
    result = simulate(
        Scenario("equal", (rate, rate), intervals=100, requests=200),
        interval_policy("WeightedSampling"),
        runs=runs,
        seed=8,
        by_counts=True,
    )
    return result.first_trials, result.first_rewards


@pytest.mark.parametrize("name", equal_split.TESTS)
def test_equal_arms_are_seldom_told_apart(name: str) -> None:
    users, rewards = equal(0.3)
    found = equal_split.TESTS[name](users, rewards, equal_split.Plan((0.28, 0.32), 20_000))
    # The oracle may name either of two arms, each with a chance of at most .05.
    most = 0.1 if name.startswith("oracle") else 0.05
    assert found.decided.mean() <= most + 2 * math.sqrt(most / 400)


def test_a_group_sequential_test_looks_as_often_as_planned() -> None:
    users = np.full((1, 100, 2), 10.0)
    rewards = users * np.array([0.3, 0.6])
    found = equal_split.group_sequential(users, rewards, equal_split.Plan((0.3, 0.6), 1000))
    assert found.looked == 50
    assert (found.at[0] + 1) % 2 == 0
    assert (bool(found.decided[0]), int(found.leader[0])) == (True, 1)


def test_the_formula_is_that_of_gbstats() -> None:
    random = np.random.default_rng(5)
    trials = random.integers(50, 4000, size=(300, 1, 2)).astype(float)
    rewards = random.binomial(trials.astype(int), random.choice([0.3, 0.35, 0.4], size=trials.shape)).astype(float)
    rewards[:3, 0, 0] = 0
    ours = equal_split.growthbook_significant(trials, rewards)[:, 0]
    assert ours.tolist() == false_decisions.gbstats_sequential(trials, rewards).tolist()
    assert 30 < ours.sum() < 270


def test_the_oracles_bet_is_fair_where_rates_are_equal() -> None:
    """Summed over what 5 and 7 users may do, it expects 1 if both convert at the rate between, and at most 1 else."""
    sums = np.stack(np.meshgrid(np.arange(6), np.arange(8), indexing="ij"), axis=-1).astype(float)
    factors = np.exp(equal_split._growth(np.broadcast_to([5.0, 7.0], sums.shape), sums, 0.4, 0.2))

    def expected(rate: float) -> float:
        chance = stats.binom.pmf(sums[..., 0], 5, rate) * stats.binom.pmf(sums[..., 1], 7, rate)
        return float((chance * factors).sum())

    assert expected((5 * 0.4 + 7 * 0.2) / 12) == pytest.approx(1)
    assert all(expected(rate) <= 1 + 1e-12 for rate in (0.05, 0.2, 0.4, 0.9))


def measured(case: str, median: list[float] | None, decided: float = 1.0, regret: float = 10.0) -> dict[str, Any]:
    sizes = {"requests": 10, "n80": 1000, "horizon": 4.0, "runs": 100, "wrong": 1}
    figures = {"median": median, "decided": [decided, 0.0], "regret": [regret, 1.0]}
    return {"case": case, "strategy": "Adaptive", "rule": "learn_first", **sizes, **figures}


def test_aims_of_deciding() -> None:
    def met(*rows: dict[str, Any]) -> list[bool]:
        return [row["met"] for row in aims.decide_aims(list(rows), "Adaptive")]

    assert met(measured(".04 / .05", [1.2, 0.1])) == [True, True, True]
    assert met(measured(".04 / .05", None, 0.4, 57.0)) == [False, False, False]
    few = measured(decide.FEW, [1.0, 0.1])
    assert met(measured(decide.ONE, [1.14, 0.1]), few, measured(decide.MANY, [0.84, 0.1])) == [True, False]
    assert met(measured(decide.ONE, None), few) == [False]
    other = {**measured(".04 / .05", [1.0, 0.1]), "rule": "earn_first"}
    assert met(other) == []
    assert set(aims.DECIDE) == {case.name for case in (*decide.TWO_ARMS, *decide.MORE_ARMS)}


def test_tables_of_deciding() -> None:
    rows = [measured(".04 / .05", None), measured(decide.ONE, [0.9, 0.1])]
    assert "never" in tables.decide(rows) and decide.ONE not in tables.decide(rows)
    assert "0.90 ± 0.10" in tables.decide_intervals(rows)
