"""Intervals of a difference: where they lie, that they agree with the test, and how often they hold it."""

import math

import numpy as np
import pytest
from scipy import stats

from abtest.experiment.evidence.confidence import effects
from abtest.experiment.evidence.stopping import PairTest, verdict
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Trials

THRESHOLD = 40.0
Intervals = list[dict[str, Trials]]


def simulated(seed: int, rates: dict[str, float], shares: dict[str, float], looks: int, users: int) -> Intervals:
    source = np.random.default_rng(seed)
    sizes = {name: round(users * share) for name, share in shares.items()}
    return [{name: (n, float(source.binomial(n, rates[name]))) for name, n in sizes.items()} for _ in range(looks)]


def effect(intervals: Intervals) -> Effect:
    return effects(intervals, ["a", "b"], "a", threshold=THRESHOLD)["b"]


def test_an_interval_is_about_as_wide_as_one_look_would_allow() -> None:
    """Between the fixed horizon's 1.96 and 4 standard errors, at rare and at common conversions."""
    for rates in ({"a": 0.05, "b": 0.04}, {"a": 0.67, "b": 0.65}, {"a": 0.9, "b": 0.2}):
        found = effect(simulated(1, rates, {"a": 0.75, "b": 0.25}, 50, 1000))
        users = {"a": 37500, "b": 12500}
        error = math.sqrt(sum(rates[name] * (1 - rates[name]) / users[name] for name in rates))
        assert found.low < rates["a"] - rates["b"] < found.high
        assert found.low < found.difference < found.high
        assert 2 * 1.96 * error < found.high - found.low < 2 * 4 * error
        assert found.level == 0.95


def test_the_interval_agrees_with_the_test() -> None:
    agreed = set()
    for seed in range(30):
        intervals = simulated(seed, {"a": 0.34, "b": 0.3}, {"a": 0.5, "b": 0.5}, 10, 500)
        named = verdict(intervals, ["a", "b"], 0.05).leader
        found = effect(intervals)
        assert (found.low >= 0) == (named == "a")
        assert (found.high <= 0) == (named == "b")
        agreed.add(named)
    assert agreed == {"a", None}


def test_the_interval_of_the_reverse_is_the_reverse() -> None:
    intervals = simulated(5, {"a": 0.34, "b": 0.3}, {"a": 0.7, "b": 0.3}, 10, 500)
    there, back = effect(intervals), effects(intervals, ["a", "b"], "b", threshold=THRESHOLD)["a"]
    assert (there.low, there.difference, there.high) == pytest.approx((-back.high, -back.difference, -back.low))


def test_costs_shift_the_interval() -> None:
    intervals, costs = simulated(5, {"a": 0.34, "b": 0.3}, {"a": 0.7, "b": 0.3}, 10, 500), {"a": 0.3, "b": 0.1}
    free, net = effect(intervals), effects(intervals, ["a", "b"], "a", threshold=THRESHOLD, costs=costs)["b"]
    shifted = (free.low - 0.2, free.difference - 0.2, free.high - 0.2)
    assert (net.low, net.difference, net.high) == pytest.approx(shifted)


def test_a_drift_is_no_difference() -> None:
    """Both means fall alike while traffic moves to a: its overall mean is far lower, its difference is none."""
    shares = (0.2, 0.4, 0.6, 0.8)
    intervals: Intervals = [
        {"a": (1000 * w, 1000 * w * rate), "b": (1000 * (1 - w), 1000 * (1 - w) * rate)}
        for w, rate in zip(shares, (0.8, 0.6, 0.4, 0.2), strict=True)
    ]
    found = effect(intervals)
    assert found.difference == pytest.approx(0)
    assert found.low < 0 < found.high


def test_only_shared_intervals_are_compared() -> None:
    alone: Intervals = [{"a": (1000, 900.0)}]
    assert effects(alone, ["a", "b"], "a", threshold=THRESHOLD) == {}
    assert effects(alone, ["a"], "a", threshold=THRESHOLD) == {}
    shared: Intervals = [{"a": (100, 50.0), "b": (100, 50.0), "c": (0, 0.0)}]
    found = effects(alone + shared, ["a", "b", "c"], "a", threshold=THRESHOLD)
    assert set(found) == {"b"}
    assert found["b"].difference == 0


def test_extremes() -> None:
    few: Intervals = [{"a": (1, 1.0), "b": (1, 0.0)}]
    assert effect(few) == Effect(1.0, -1.0, 1.0, 0.95)
    surest: Intervals = [{"a": (10**6, 10.0**6), "b": (10**6, 0.0)}] * 3
    assert 0.99 < effect(surest).low < 1 == effect(surest).high


def test_a_difference_that_turned_is_shown_whole() -> None:
    up: Intervals = [{"a": (5000, 3000.0), "b": (5000, 2000.0)}]
    down: Intervals = [{"a": (5000, 2000.0), "b": (5000, 3000.0)}]
    found = effect(up * 3 + down * 9)
    assert found.low < found.high


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "value"), [((0.05, 0.04), 1.0), ((0.6, 0.6), 1.0), ((0.7, 0.3), 0.5)])
def test_the_true_difference_is_rarely_ever_left_out(rates: tuple[float, float], value: float) -> None:
    """At any of 100 looks, shares following what leads: the upper 95 % limit of the share of runs is below 5 %.

    Rewards are 0 or `value`. An interval leaves the difference out once either e-value for it reaches the threshold.
    """
    runs, source, difference = 800, np.random.default_rng(7), value * (rates[0] - rates[1])
    sides = PairTest((runs,), difference), PairTest((runs,), -difference)
    total, won = np.ones((2, runs)), np.full((2, runs), 0.5)
    for _ in range(100):
        ahead = won[0] / total[0] >= won[1] / total[1]
        users = np.where(ahead, [[80], [20]], [[20], [80]])
        wins = source.binomial(users, np.array(rates)[:, None])
        total, won = total + users, won + wins
        for side, order in zip(sides, ([0, 1], [1, 0]), strict=True):
            side.add(users[order][:, None].astype(float), value * wins[order][:, None].astype(float))
    missed = int((np.maximum(sides[0].highest, sides[1].highest) >= math.log(THRESHOLD)).sum())
    assert float(stats.beta.ppf(0.95, missed + 1, runs - missed)) <= 0.05
