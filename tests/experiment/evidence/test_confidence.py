"""Intervals of a difference: where they lie, that they agree with the test, and how often they hold it."""

import math

import numpy as np
import pytest
from scipy import stats

from abtest.experiment.evidence.betting import PairTest
from abtest.experiment.evidence.confidence import effects, strata
from abtest.experiment.evidence.stopping import Batch, verdict
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Trials

THRESHOLD = 40.0
Intervals = list[Batch]


def drawn(*intervals: dict[str, Trials]) -> Intervals:
    """By the shares that they came out with."""
    return [
        Batch(one, {name: n / sum(users for users, _ in one.values()) for name, (n, _) in one.items()})
        for one in intervals
    ]


def simulated(seed: int, rates: dict[str, float], shares: dict[str, float], looks: int, users: int) -> Intervals:
    source = np.random.default_rng(seed)
    sizes = {name: round(users * share) for name, share in shares.items()}
    looked: list[dict[str, Trials]] = [
        {name: (n, float(source.binomial(n, rates[name]))) for name, n in sizes.items()} for _ in range(looks)
    ]
    return drawn(*looked)


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
        named = verdict(intervals, ["a", "b"], 1 / (0.9 * THRESHOLD)).leader  # whose threshold is that
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
    fallen: list[dict[str, Trials]] = [
        {"a": (1000 * w, 1000 * w * rate), "b": (1000 * (1 - w), 1000 * (1 - w) * rate)}
        for w, rate in zip(shares, (0.8, 0.6, 0.4, 0.2), strict=True)
    ]
    intervals = drawn(*fallen)
    found = effect(intervals)
    assert found.difference == pytest.approx(0)
    assert found.low < 0 < found.high


def test_only_users_whom_both_could_get_are_compared() -> None:
    alone = drawn({"a": (1000, 900.0)})
    assert effects(alone, ["a", "b"], "a", threshold=THRESHOLD) == {}
    assert effects(alone, ["a"], "a", threshold=THRESHOLD) == {}
    shared = drawn({"a": (100, 50.0), "b": (100, 50.0), "c": (0, 0.0)})
    found = effects(alone + shared, ["a", "b", "c"], "a", threshold=THRESHOLD)
    assert set(found) == {"b"}
    assert found["b"].difference == 0


def test_one_user_at_a_time_is_compared_as_two() -> None:
    """Batches are joined until both have users."""
    one_by_one = [
        Batch({name: (1, reward)}, {"a": 0.5, "b": 0.5}) for name, reward in (("a", 1.0), ("a", 0.0), ("b", 0.0))
    ]
    assert list(strata([*one_by_one, one_by_one[0]], "a", "b")) == [((3, 2.0), (1, 0.0))]
    assert effect(one_by_one).difference == 0.5
    assert list(strata(one_by_one[:2], "a", "b")) == []


def test_extremes() -> None:
    few = drawn({"a": (1, 1.0), "b": (1, 0.0)})
    assert effect(few) == Effect(1.0, -1.0, 1.0, 0.95)
    surest: dict[str, Trials] = {"a": (10**6, 10.0**6), "b": (10**6, 0.0)}
    found = effect(drawn(*[surest] * 3))
    assert 0.99 < found.low < 1 == found.high


def test_a_difference_that_turned_is_shown_whole() -> None:
    up: dict[str, Trials] = {"a": (5000, 3000.0), "b": (5000, 2000.0)}
    down: dict[str, Trials] = {"a": (5000, 2000.0), "b": (5000, 3000.0)}
    found = effect(drawn(*[up] * 3, *[down] * 9))
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
        shares = np.where(ahead, [[0.8], [0.2]], [[0.2], [0.8]])
        of_a = source.binomial(100, shares[0])
        users = np.stack([of_a, 100 - of_a])
        wins = source.binomial(users, np.array(rates)[:, None])
        total, won = total + users, won + wins
        for side, order in zip(sides, ([0, 1], [1, 0]), strict=True):
            side.add(*(cells[order].T[None].astype(float) for cells in (users, value * wins, shares)))
    missed = int((np.maximum(sides[0].highest, sides[1].highest) >= math.log(THRESHOLD)).sum())
    assert float(stats.beta.ppf(0.95, missed + 1, runs - missed)) <= 0.05
