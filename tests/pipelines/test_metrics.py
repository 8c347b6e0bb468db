"""Metrics against their definitions, and intervals against simulations in which the truth is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import metrics
from pipelines.metrics import MEASURES, Scored

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def drawn(rows: int, seed: int, skill: float = 1.0) -> Scored:
    """Labels that follow the scores, which are right about their own chances if `skill` is 1."""
    generator = np.random.default_rng(seed)
    scores = generator.random(rows)
    actual = (generator.random(rows) < 0.5 + skill * (scores - 0.5)).astype(int)
    return Scored(actual, (scores > 0.5).astype(int), scores)


@given(counts)
def test_a_proportion_lies_in_its_interval(chosen: tuple[int, int]) -> None:
    metric = metrics.proportion(*chosen)
    assert 0 <= metric["lower"] <= metric["value"] <= metric["upper"] <= 1
    assert metric["value"] == chosen[0] / chosen[1]


def test_wilsons_interval_of_a_published_example() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: 15 of 148.
    assert metrics.proportion(15, 148)["lower"] == pytest.approx(0.0624, abs=1e-4)
    assert metrics.proportion(15, 148)["upper"] == pytest.approx(0.1605, abs=1e-4)


def test_nothing_known_is_said_so() -> None:
    assert metrics.proportion(0, 0) == {"value": 0.0, "standard_deviation": 0.0, "lower": 0.0, "upper": 1.0}


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(5, 60))
def test_measures_follow_their_definitions(seed: int, rows: int) -> None:
    model = drawn(rows, seed)
    if len(set(model.actual)) == 1:
        return
    pairs = [(p, n) for p in model.scores[model.actual == 1] for n in model.scores[model.actual == 0]]
    assert metrics.roc_auc(model) == pytest.approx(np.mean([p > n for p, n in pairs]))
    assert metrics.brier_score(model) == pytest.approx(np.mean((model.scores - model.actual) ** 2))
    lines = metrics.reliability(model)
    gaps = [line["rows"] * abs(line["mean_score"] - line["observed"]["value"]) for line in lines]
    error = metrics.calibration_error(model)
    assert error["value"] == pytest.approx(sum(gaps) / rows)
    assert 0 <= error["lower"] <= error["value"] <= error["upper"] <= 1
    assert sum(line["rows"] for line in lines) == rows


def test_f1_is_that_of_precision_and_recall() -> None:
    model = Scored(np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0]), np.zeros(5))
    assert metrics.f1(model) == pytest.approx(2 / 3)
    assert metrics.f1(Scored(np.zeros(3), np.zeros(3), np.zeros(3))) == 0


def test_scores_of_one_and_zero_have_bins() -> None:
    model = Scored(np.array([1, 0]), np.array([1, 0]), np.array([1.0, 0.0]))
    assert [(line["from"], line["to"]) for line in metrics.reliability(model)] == [(0.0, 0.1), (0.9, 1.0)]
    assert metrics.calibration_error(model)["value"] == 0


def test_resamples_keep_the_classes_and_repeat_with_a_seed() -> None:
    actual = np.array([0] * 7 + [1] * 3)
    chosen = metrics.resamples(actual, seed=3)
    assert len(chosen) == metrics.RESAMPLES
    assert {int(actual[rows].sum()) for rows in chosen} == {3}
    assert all(np.array_equal(a, b) for a, b in zip(chosen, metrics.resamples(actual, seed=3), strict=True))
    assert not np.array_equal(chosen[0], metrics.resamples(actual, seed=4)[0])


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    curves = metrics.curves(drawn(5000, seed=1))
    for curve in curves.values():
        assert {len(points) for points in curve.values()} == {metrics.CURVE_POINTS}
    rates = curves["receiver_operating_characteristic_curve"]["false_positive_rates"]
    assert (rates[0], rates[-1]) == (0.0, 1.0)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 100)
    truth = metrics.measured(drawn(1_000_000, seed=0))
    held = np.mean([holds(drawn(300, seed), truth) for seed in range(1, 61)], axis=0)
    assert dict(zip(MEASURES, held, strict=True)) == pytest.approx(dict.fromkeys(MEASURES, 0.95), abs=0.09)


def holds(model: Scored, truth: Any) -> list[bool]:
    """Whether each measure's interval has the truth in it."""
    draws, values = metrics.bootstrapped(model, seed=1), metrics.measured(model)
    found = [metrics.summary(values[place], draws[:, place]) for place in range(len(MEASURES))]
    return [bool(metric["lower"] <= true <= metric["upper"]) for metric, true in zip(found, truth, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("skill", "truth"), [(1.0, 0.0), (0.0, 0.25)])
def test_the_calibration_errors_interval_holds_the_truth(skill: float, truth: float) -> None:
    errors = [metrics.calibration_error(drawn(300, seed, skill)) for seed in range(100)]
    assert np.mean([error["lower"] <= truth <= error["upper"] for error in errors]) >= 0.95
    blamed = np.mean([error["lower"] > 0 for error in errors])
    assert blamed >= 0.95 if truth else blamed <= 0.05
