"""Regret, picks and decisions of runs by hand; means and their errors."""

import dataclasses
import math

import numpy as np
import pytest

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import Change, Runs, Scenario, difference, estimate, ratio
from abtest.experiment.simulation.decisions import Decisions


def runs(trials: Floats, *, decisions: Decisions | None = None) -> Runs:
    changes = (Change(0.5, (0.3, 0.1)),)
    scenario = Scenario("by hand", (0.1, 0.2), changes=changes, intervals=2, requests=10)
    return Runs(scenario, "hand", trials / 10, trials, trials, trials, trials / 2, np.array([0, 1]), decisions)


TRIALS: Floats = np.array([[[10, 0], [6, 4]], [[0, 10], [0, 10]]], dtype=float)


def test_regret_is_against_the_best_arm_of_the_time() -> None:
    assert runs(TRIALS).regret == pytest.approx(np.array([[1.0, 0.8], [0.0, 2.0]]))
    assert runs(TRIALS).total_regret == pytest.approx([1.8, 2.0])


def test_a_pick_is_right_if_it_is_the_best_at_the_end() -> None:
    assert runs(TRIALS).right.tolist() == [True, False]


def test_a_decision_is_false_for_a_worse_arm_or_a_challenger_that_is_no_better() -> None:
    made = Decisions(np.array([0, 0]), np.array([False, False]), np.array([0, 1]))
    assert runs(TRIALS, decisions=made).false_decision.tolist() == [True, False]
    nobody = Decisions(np.array([-1, -1]), np.array([False, True]), np.array([-1, 0]))
    assert runs(TRIALS, decisions=nobody).false_decision.tolist() == [False, False]
    made = dataclasses.replace(made, leader=np.array([0, 1]))
    equal = dataclasses.replace(runs(TRIALS, decisions=made), scenario=Scenario("equal", (0.1, 0.1), intervals=2))
    assert equal.false_decision.tolist() == [False, True]
    with pytest.raises(ValueError, match=r"^decisions: "):
        _ = runs(TRIALS).false_decision


def test_estimates() -> None:
    assert estimate(np.array([1.0, 2.0, 3.0])) == pytest.approx((2, 1 / math.sqrt(3)))
    assert estimate(np.array([True, False])) == pytest.approx((0.5, 0.5))
    assert math.isnan(estimate(np.array([1.0])).error)
    ours, theirs = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])
    assert difference(ours, theirs) == pytest.approx((-2, 1 / math.sqrt(3)))
    assert ratio(ours, theirs) == pytest.approx((0.5, 0))
    assert math.isnan(ratio(ours, np.zeros(3)).mean)


def test_the_error_of_a_ratio_is_that_of_its_repetitions() -> None:
    random = np.random.default_rng(3)
    theirs = random.uniform(5, 15, (2000, 100))
    ours = 0.8 * theirs + random.normal(size=theirs.shape)
    found = [ratio(mine, yours) for mine, yours in zip(ours, theirs, strict=True)]
    spread = float(np.std([each.mean for each in found]))
    assert float(np.mean([each.error for each in found])) == pytest.approx(spread, rel=0.1)
