"""Shares by strategy: empty, single, tied and untried arms, floors, burn-in, bad input."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment import probability_best, traffic_shares
from abtest.experiment.allocation import strategies
from abtest.experiment.allocation.strategies import Seen
from abtest.experiment.arrays import Floats
from abtest.experiment.counting.event_table import EventTable
from abtest.experiment.rebalance import decide
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.record.variants import Trials
from abtest.experiment.replay.logged import read_log
from abtest.experiment.replay.replay import replay, strategy_shares
from abtest.experiment.simulation import Scenario, interval_policy, simulate
from tests.experiment import samples
from tests.experiment.logs import WINDOW, logged
from tests.experiment.samples import EXPERIMENT, NAMES, at, experiment

EMPTY: list[Trials] = [(0, 0), (0, 0)]
CLEAR: list[Trials] = [(100, 20), (100, 60)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arms_that_look_the_same_share_evenly(strategy: str) -> None:
    for arm in ((0, 0), (50, 20), (7, 7)):
        for number in (1, 2, 3, 7):
            assert traffic_shares([arm] * number, strategy=strategy) == pytest.approx([1 / number] * number)


@pytest.mark.parametrize(
    ("strategy", "counts", "arguments", "shares"),
    [
        ("WeightedSampling", CLEAR, {"weights": [9, 1]}, [0.9, 0.1]),
        ("WeightedSampling", CLEAR, {"weights": [1, 0]}, [1, 0]),
        ("WeightedSampling", CLEAR, {}, [0.5, 0.5]),
        ("WeightedSampling", CLEAR, {"weights": [9, 1], "floor": 0.1}, [0.82, 0.18]),
        ("EpsilonGreedy", CLEAR, {"epsilon": 0.2}, [0.1, 0.9]),
        ("EpsilonGreedy", CLEAR, {"epsilon": 0}, [0, 1]),
        ("EpsilonGreedy", CLEAR, {"epsilon": 1}, [0.5, 0.5]),
        ("EpsilonGreedy", [(10, 5), (20, 10), (10, 1)], {"epsilon": 0.3}, [0.45, 0.45, 0.1]),
        ("EpsilonGreedy", [(0, 0), (10, 1)], {"epsilon": 0.1}, [0.05, 0.95]),
        ("ThompsonSampling", CLEAR, {}, probability_best(CLEAR)),
        ("ThompsonSampling", [(1, 1), (0, 0)], {}, [2 / 3, 1 / 3]),
        ("ThompsonSampling", [(1, 1), (0, 0)], {"floor": 0.1}, [0.1 + 0.8 * 2 / 3, 0.1 + 0.8 / 3]),
        ("ThompsonSampling", CLEAR, {"floor": 0.5}, [0.5, 0.5]),
    ],
)
def test_shares(strategy: str, counts: list[Trials], arguments: dict[str, Any], shares: list[float]) -> None:
    assert traffic_shares(counts, strategy=strategy, **arguments) == pytest.approx(shares)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_burn_in_keeps_the_initial_weights(strategy: str) -> None:
    arguments: dict[str, Any] = {"strategy": strategy, "weights": [3, 1], "floor": 0.1, "burn_in": 100}
    assert traffic_shares([(99, 1), (500, 500)], **arguments) == [0.75, 0.25]
    assert traffic_shares([(100, 1), (500, 500)], **arguments) != [0.75, 0.25]


def ucb1_by_hand(counts: list[Trials], steps: int) -> list[float]:
    """UCB1 as published, one trial at a time, means frozen."""
    trials = [n for n, _ in counts]
    means = [s / n for n, s in counts]
    picks = [0] * len(counts)
    for _ in range(steps):
        bounds = [mean + math.sqrt(2 * math.log(sum(trials)) / n) for mean, n in zip(means, trials, strict=True)]
        chosen = bounds.index(max(bounds))
        trials[chosen] += 1
        picks[chosen] += 1
    return [pick / steps for pick in picks]


def test_ucb1_runs_forward_over_one_interval() -> None:
    assert traffic_shares(CLEAR, strategy="UCB1") == ucb1_by_hand(CLEAR, 200)
    history = [[(50, 10), (50, 30)], [(50, 10), (50, 30)]]
    assert traffic_shares(CLEAR, strategy="UCB1", history=history) == ucb1_by_hand(CLEAR, 100)


def test_ucb1_prefers_what_is_better_and_what_is_less_known() -> None:
    better = traffic_shares(CLEAR, strategy="UCB1")
    assert better[1] > 0.7
    unknown = traffic_shares([(1000, 500), (10, 5)], strategy="UCB1")
    assert unknown[1] > 0.5
    untried = traffic_shares([(1000, 500), (0, 0)], strategy="UCB1")
    assert untried[1] > 0.3


def test_ucb1_is_as_quick_for_many_trials() -> None:
    few, many = [(4000, 2000), (4000, 2100)], [(4 * 10**6, 2 * 10**6), (4 * 10**6, 2.001 * 10**6)]
    for counts in (few, many):
        shares = traffic_shares(counts, strategy="UCB1")
        assert shares[1] > shares[0] > 0


def test_a_new_strategy_is_a_function_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It then serves in an experiment's Decisions, simulations, forecasts and replays."""

    def last_takes_all(seen: Seen) -> Floats:
        return np.eye(seen.trials.shape[1])[[-1] * len(seen.trials)]

    monkeypatch.setattr(strategies, "last_takes_all", last_takes_all, raising=False)
    monkeypatch.setitem(STRATEGIES, "LastTakesAll", "last_takes_all")
    assert traffic_shares(CLEAR, strategy="LastTakesAll") == [0, 1]
    one = experiment(strategy="LastTakesAll", warmup=0, exploration_floor=0.1)
    decision = decide(one, samples.counts(dict.fromkeys(NAMES, (50, 5.0))), decided_at=at(1000))
    assert dict(decision.new_shares) == pytest.approx({NAMES[0]: 0.1, NAMES[1]: 0.9})
    runs = simulate(Scenario("s", (0.1, 0.1), intervals=2, requests=9), interval_policy("LastTakesAll"), runs=2)
    assert runs.trials[:, 1].tolist() == [[0, 9], [0, 9]]
    table, _ = EventTable.of(event.to_line() for event in logged(1, intervals=2))
    log = read_log(table, experiment_id=EXPERIMENT, attribution_window_seconds=WINDOW)
    found = replay(log, strategy_shares(samples.settings(strategy="LastTakesAll"), weights=log.initial_weights))
    assert found.rounds[-1].target == {NAMES[0]: 0, NAMES[1]: 1}


COUNTS = st.lists(
    st.tuples(st.integers(0, 10**5), st.floats(0, 1)).map(lambda arm: (float(arm[0]), arm[0] * arm[1])),
    min_size=1,
    max_size=8,
)


@given(COUNTS, st.sampled_from(list(STRATEGIES)), st.floats(0, 1), st.floats(0, 1), st.integers(0, 1000), st.data())
@settings(max_examples=60)
def test_shares_sum_to_one_and_keep_the_floor(
    counts: list[Trials], strategy: str, epsilon: float, part: float, burn_in: int, data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.floats(0.01, 100), min_size=len(counts), max_size=len(counts)))
    floor = part / len(counts)
    arguments: dict[str, Any] = {"strategy": strategy, "weights": weights, "epsilon": epsilon, "burn_in": burn_in}
    shares = traffic_shares(counts, floor=floor, **arguments)
    assert math.fsum(shares) == pytest.approx(1, abs=1e-12)
    assert shares == traffic_shares(counts, floor=floor, **arguments)
    if all(trials >= burn_in for trials, _ in counts):
        assert min(shares) >= floor * (1 - 1e-9)


@pytest.mark.parametrize(
    ("counts", "arguments", "named"),
    [
        ([], {}, "counts"),
        ([(1, 2)], {}, r"counts\[0\]"),
        (EMPTY, {"strategy": "thompson"}, "strategy"),
        (EMPTY, {"strategy": None}, "strategy"),
        (EMPTY, {"weights": [1]}, "weights"),
        (EMPTY, {"weights": [0, 0]}, "weights"),
        (EMPTY, {"weights": [2, -1]}, "weights"),
        (EMPTY, {"weights": [1, float("nan")]}, "weights"),
        (EMPTY, {"weights": [1, float("inf")]}, "weights"),
        (EMPTY, {"weights": ["1", 1]}, "weights"),
        (EMPTY, {"epsilon": -0.1}, "epsilon"),
        (EMPTY, {"epsilon": 1.1}, "epsilon"),
        (EMPTY, {"epsilon": float("nan")}, "epsilon"),
        (EMPTY, {"burn_in": -1}, "burn_in"),
        (EMPTY, {"burn_in": None}, "burn_in"),
        (EMPTY, {"floor": -0.1}, "floor"),
        (EMPTY, {"floor": 0.51}, "floor"),
        (EMPTY, {"floor": float("nan")}, "floor"),
        (EMPTY, {"floor": True}, "floor"),
        (EMPTY, {"history": [[(1, 1)]]}, "history"),
        (EMPTY, {"history": [[(1, 1), (1, 2)]]}, r"history\[1\]"),
    ],
)
def test_bad_input_is_named(counts: list[Trials], arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        traffic_shares(counts, **{"strategy": "ThompsonSampling"} | arguments)
