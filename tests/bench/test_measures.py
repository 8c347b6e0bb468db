"""The parts that measure: tests of significance, limits, the daily rule, tables and aims."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abtest.experiment.simulation import Scenario, interval_policy, simulate
from bench import aims, cells, daily, false_decisions, learn_first, pool, speed, tables


def test_the_limit_is_that_of_clopper_and_pearson() -> None:
    none = false_decisions.counted(np.zeros((1000, 3), dtype=bool))
    assert none["share"] == 0
    assert none["upper"] == pytest.approx(1 - 0.05 ** (1 / 1000))
    some = false_decisions.counted(np.eye(100, 7, dtype=bool))
    assert some["share"] == 0.07
    assert stats.binom.cdf(7, 100, some["upper"]) == pytest.approx(0.05)


def test_the_z_test_is_that_of_two_proportions() -> None:
    """Its square is the chi-square statistic without correction."""
    trials, rewards = np.array([[[1000.0, 1000.0]] * 2]), np.array([[[40.0, 60.0], [50.0, 60.0]]])
    table = np.stack([rewards[0, 0], 1000 - rewards[0, 0]])
    assert stats.chi2_contingency(table, correction=False).pvalue < 0.05
    assert false_decisions.z_test(trials, rewards).tolist() == [[True, False]]


def test_looking_at_p_best_and_at_gbstats_interval() -> None:
    trials = np.full((2, 3, 2), 1000.0) * np.array([1, 2, 3])[:, None]
    rewards = 0.05 * trials
    rewards[1, 1, 0] = 200
    assert false_decisions.likely(trials, rewards).tolist() == [False, True]
    assert false_decisions.gbstats_sequential(trials, rewards).tolist() == [False, True]


def test_the_value_remaining_is_as_simulated() -> None:
    random = np.random.default_rng(3)
    trials, rewards = np.array([[700.0, 2000.0]]), np.array([[30.0, 100.0]])
    draws = random.beta(1 + rewards[0], 1 + trials[0] - rewards[0], size=(400_000, 2))
    simulated = (draws[:, 0] > 1.01 * draws[:, 1]).mean()
    assert daily.better_by(trials, rewards, np.array([1]))[0] == pytest.approx(simulated, abs=0.004)


@pytest.mark.slow
def test_the_daily_experiment_stops_by_its_rule() -> None:
    result = simulate(dataclasses.replace(daily.SCENARIO, intervals=40), interval_policy("ThompsonSampling"), runs=6)
    trials, rewards = result.trials.cumsum(axis=1), result.rewards.cumsum(axis=1)
    last, leaders = daily.stops(result, 14)
    assert last.min() >= 13
    for run in range(6):
        for day in range(13, last[run] + 1):
            a, b = (stats.beta(1 + s, 1 + n - s) for n, s in zip(trials[run, day], rewards[run, day], strict=True))
            grid = (np.arange(1000) + 0.5) / 1000
            best = float(a.sf(b.ppf(grid)).mean())
            leader = 0 if best > 0.5 else 1
            ahead, behind = (a, b) if leader == 0 else (b, a)
            stop = max(best, 1 - best) >= 0.95 or behind.sf(1.01 * ahead.ppf(grid)).mean() < 0.05
            assert stop == (day == last[run]) or day == 39
        assert leaders[run] == leader


def test_tuning_and_fresh_scenarios_differ() -> None:
    tuning, fresh = cells.SETS["tuning"], cells.SETS["fresh"]
    names = [cell.name for cell in tuning + fresh]
    assert len(set(names)) == len(names)
    assert not {c.scenario.rates for c in tuning} & {c.scenario.rates for c in fresh}
    assert {cell.group for cell in fresh} == {"stationary", "change", "sticky"}
    assert all(len(set(cell.scenario.true_rates().ravel())) > 1 for cell in tuning + fresh)


def regret_rows(ratio: float, right: float = 0.0) -> list[dict[str, Any]]:
    return [
        {
            "set": "fresh",
            "scenario": cell.name,
            "group": cell.group,
            "timing": cell.timing,
            "strategy": "Adaptive",
            "ratio": [ratio, 0.01],
            "right": [0.9, 0.01],
            "right_difference": [right, 0.0],
        }
        for cell in cells.SETS["fresh"]
    ]


def test_aims_are_met_or_not() -> None:
    def met(rows: list[dict[str, Any]]) -> list[bool]:
        return [row["met"] for row in aims.regret_aims(rows, "Adaptive")]

    assert all(met(regret_rows(0.40)))
    assert met(regret_rows(1.1, -0.02)) == [False, False, False, True, True]
    tuned = [{**row, "set": "tuning"} for row in regret_rows(1.1, -0.02)]
    assert met(tuned) == [False, False, False, False, True, True]
    assert aims.all_at_once([{"met": True}, {"met": False}])["measured"] == "1 of 2 met"


def test_the_other_aims() -> None:
    false = [
        {"setup": "s", "strategy": "UCB1", "mode": "m", "looks": 200, "ours": {"share": share, "upper": upper}}
        for share, upper in ((0.02, 0.03), (0.045, 0.056))
    ]
    assert not aims.false_aims(false)[0]["met"]
    assert aims.false_aims(false[:1])[0]["met"]
    learn = {"strategy": "Adaptive", "even": 0.5, "decided": [0.95, 0.01], "wrong": 1, "runs": 9, "regret": [0.3, 0.0]}
    assert [row["met"] for row in aims.learn_aims([learn], "Adaptive", 0.5)] == [True, False, True]
    day = {"days_saved": [172.0, 1.0], "conversions_saved": [95.9, 1.0], "right": [0.95, 0.1]}
    rows = [{"strategy": "Adaptive", "least_days": 14, **day}]
    assert [row["met"] for row in aims.daily_aims(rows, "Adaptive", 14)] == [True, False, True]


def test_a_table_is_aligned_markdown() -> None:
    assert tables.table(["a", "long"], [["xyz", "1"]]).splitlines() == [
        "| a   | long |",
        "|-----|------|",
        "| xyz | 1    |",
    ]
    assert tables.number([0.5, 0.012], 1, 100) == "50.0 ± 1.2"
    assert tables.number(None) == ""


def test_tasks_give_their_results_in_order_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [pool.Task(f"power {n}", pow, (2, n), cost=n) for n in range(3)]
    assert pool.run(tasks, 1) == [1, 2, 4]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("[1/3, 0.0 min] power 2 (")


def test_a_task_that_fails_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        pool.run([pool.Task("fails", divmod, (1, 0)), pool.Task("works", divmod, (1, 1))])


def test_the_reference_is_right_where_the_answer_is_known() -> None:
    assert speed.reference([(10.0, 3.0)] * 3) == pytest.approx([1 / 3] * 3, abs=1e-9)


def test_learn_first_costs_at_most_an_equal_split(monkeypatch: pytest.MonkeyPatch) -> None:
    easy = Scenario("easy", (0.04, 0.05), intervals=10, requests=200)
    monkeypatch.setattr(learn_first, "SCENARIO", easy)
    row = learn_first.measure("WeightedSampling", "learn_first", 1.0, 10)
    assert row["regret"][0] * learn_first.SPLIT_REGRET == pytest.approx(10, rel=0.2)
    assert learn_first.fixed_horizon(10)["requests to decide"] == 2000
