"""A replay asks the target with what was known at each Decision, and its estimates are right on recorded events."""

import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from abtest.experiment.allocation.strategies import traffic_shares
from abtest.experiment.counting.count import NEVER
from abtest.experiment.counting.event_table import EventTable
from abtest.experiment.record.events import Event
from abtest.experiment.record.variants import Shares
from abtest.experiment.replay.logged import Log, read_log
from abtest.experiment.replay.off_policy import UnidentifiedError
from abtest.experiment.replay.replay import Cells, Replay, Target, fixed_shares, replay, strategy_shares
from tests.experiment.logs import INTERVAL, WINDOW, logged
from tests.experiment.samples import EXPERIMENT, NAMES, conversion, invocation, settings


def of_strategy(
    strategy: str, *, weights: dict[str, float], costs: dict[str, float] | None = None, **changes: Any
) -> Target:
    return strategy_shares(settings(strategy=strategy, **changes), weights=weights, costs=costs)


def log_of(events: list[Event], window: int = WINDOW) -> Log:
    table, _ = EventTable.of(event.to_line() for event in events)
    return read_log(table, experiment_id=EXPERIMENT, attribution_window_seconds=window)


def truth(found: Replay, rates: Sequence[float]) -> float:
    """What the target's shares earn per user of the rounds, by the rates that made the events."""
    per_user = [
        taken.users * math.fsum(share * rates[NAMES.index(name)] for name, share in taken.target.items())
        for taken in found.rounds
    ]
    return math.fsum(per_user) / found.evaluation.users


def test_a_strategy_that_logged_the_events_is_found_to_have_logged_them() -> None:
    log = log_of(logged(1))
    target = of_strategy("ThompsonSampling", weights=log.initial_weights, exploration_floor=0.05)
    found = replay(log, target)
    assert found.evaluation.users == 5 * 60 + 60 - sum(found.left_out.values())
    for taken in found.rounds:
        assert dict(taken.target) == pytest.approx(dict(taken.decision.shares), abs=1e-9)
    assert found.evaluation.largest_weight == pytest.approx(1)
    assert found.evaluation.difference.value == pytest.approx(0, abs=1e-9)


def test_the_target_sees_what_was_closed_when_the_decision_was_taken() -> None:
    seen: list[tuple[Cells, list[Cells]]] = []

    def target(names: Sequence[str], counts: Cells, history: Sequence[Cells]) -> Sequence[float]:
        seen.append((counts, list(history)))
        return [1 / len(names)] * len(names)

    replay(log_of(logged(2, intervals=3)), target, evidence="logged")
    assert seen[0] == ([(0, 0), (0, 0)], [])
    assert [sum(n for n, _ in counts) for counts, _ in seen] == [0, 120, 240]
    for counts, history in seen[1:]:
        totals = [[sum(cells[arm][part] for cells in history) for part in (0, 1)] for arm in (0, 1)]
        assert totals == [list(cells) for cells in counts]
    assert [sum(n for n, _ in cells) for cells in seen[2][1]] == [120, 120]
    # With a window longer than the interval, the last interval is still open at each Decision.
    seen.clear()
    replay(log_of(logged(2, intervals=5), window=INTERVAL + 300), target, evidence="logged")
    assert [sum(n for n, _ in counts) for counts, _ in seen] == [0, 0, 120, 240]


def test_without_a_window_rewards_count_once_they_are_there() -> None:
    one, late = invocation("a", 0), invocation("b", 1, endpoint_variant=NAMES[1])
    second = invocation("c", 50, decision_id="second")
    third = invocation("d", 90, decision_id="third", endpoint_variant=NAMES[1])
    seen: list[Cells] = []

    def target(names: Sequence[str], counts: Cells, history: Sequence[Cells]) -> Sequence[float]:
        seen.append(counts)
        return [0.5, 0.5]

    replay(
        log_of([one, late, second, third, conversion(one, 10), conversion(late, 60, 0.5)], window=0),
        target,
        evidence="logged",
    )
    assert seen == [[(0, 0), (0, 0)], [(1, 1), (1, 0)], [(2, 1), (1, 0.5)]]


def test_weighted_evidence_is_what_the_targets_shares_would_have_drawn() -> None:
    seen: list[Cells] = []

    def target(names: Sequence[str], counts: Cells, history: Sequence[Cells]) -> Sequence[float]:
        seen.append(counts)
        return [0.9, 0.1]

    log = log_of(logged(6, intervals=3))
    replay(log, target)
    for arm, name, weight in ((0, NAMES[0], 1.8), (1, NAMES[1], 0.2)):
        ways = [n for n, draw in enumerate(log.draws) if str(draw.decision_id)[-1] == "0" and draw.variant == name]
        own = log.trials[np.isin(log.trials["draw"], ways)]
        assert seen[1][arm] == pytest.approx((weight * len(own), weight * (own["converted_at"] != NEVER).sum()))
    with pytest.raises(ValueError, match="evidence"):
        replay(log, target, evidence="none")


def test_fixed_shares_wait_until_their_variants_take_part() -> None:
    alone = [invocation(f"x{n}", n - 100, propensity=1.0, decision_id="alone") for n in range(10)]
    log = log_of([*alone, *logged(3)])
    even = replay(log, fixed_shares(Shares(dict.fromkeys(NAMES, 0.5))))
    assert even.left_out["a variant of the target did not take part yet"] == 10
    champion = replay(log, fixed_shares(Shares({NAMES[0]: 1.0})))
    assert champion.evaluation.users == even.evaluation.users + 10
    with pytest.raises(UnidentifiedError, match="no user"):
        replay(log, fixed_shares(Shares({"Challenger9": 1.0})))


def test_a_variant_without_traffic_is_refused_by_name() -> None:
    log = log_of(
        [invocation("a", 0, propensity=1.0), invocation("b", 5, propensity=1.0, decision_id="second")], window=0
    )
    given = [
        type(decision)(decision.decision_id, decision.as_of, {**decision.shares, NAMES[1]: 0.0})
        for decision in log.decisions
    ]
    blind = type(log)(**{**vars(log), "decisions": tuple(given), "variant_names": NAMES})
    with pytest.raises(UnidentifiedError, match=f"{NAMES[1]} was never possible"):
        replay(blind, fixed_shares(Shares(dict.fromkeys(NAMES, 0.5))))


def test_strategies_see_utility() -> None:
    log = log_of(logged(4))
    weights = log.initial_weights
    more = replay(log, of_strategy("EpsilonGreedy", weights=weights)).rounds[-1].target
    less = replay(log, of_strategy("EpsilonGreedy", weights=weights, objective="minimize")).rounds[-1].target
    dear = replay(log, of_strategy("EpsilonGreedy", weights=weights, costs={NAMES[1]: 0.9})).rounds[-1].target
    assert more[NAMES[1]] == pytest.approx(0.95)
    assert less[NAMES[1]] == dear[NAMES[1]] == pytest.approx(0.05)


def test_progress_and_refused_settings() -> None:
    log, done = log_of(logged(5, intervals=3)), list[int]()
    replay(log, of_strategy("UCB1", weights=log.initial_weights), on_decision=done.append)
    assert done == [1, 2, 3]
    with pytest.raises(ValueError, match="epsilon"):
        replay(log, of_strategy("EpsilonGreedy", weights=log.initial_weights, epsilon=2))


def run_of_ucb1(seed: int, rates: Sequence[float], *, intervals: int, users: int) -> float:
    """The mean reward per user of a run from the start, two invocations a user."""
    source, history, values = random.Random(seed), list[Cells](), []
    counts: Cells = [(0.0, 0.0)] * len(rates)
    for interval in range(intervals):
        shares = traffic_shares(counts, strategy="UCB1", history=history) if interval else [0.5, 0.5]
        values.append(math.fsum(share * rate for share, rate in zip(shares, rates, strict=True)))
        drawn = source.choices((0, 1), shares, k=users)
        rewards = [[source.random() < rate for _ in range(2 * drawn.count(arm))] for arm, rate in enumerate(rates)]
        cells = [(float(len(earned)), float(sum(earned))) for earned in rewards]
        history.append(cells)
        counts = [(n + m, s + r) for (n, s), (m, r) in zip(counts, cells, strict=True)]
    return statistics.fmean(values)


@pytest.mark.slow
def test_weighted_evidence_comes_near_a_run_and_logged_evidence_does_not() -> None:
    """UCB1 on Thompson sampling's log, where it explores an arm that the log has few trials of."""
    rates = (0.1, 0.2)
    right = statistics.fmean(run_of_ucb1(seed, rates, intervals=10, users=60) for seed in range(60))
    found = {}
    for evidence in ("weighted", "logged"):
        logs = [log_of(logged(seed, rates=rates, intervals=10)) for seed in range(12)]
        replays = [replay(log, of_strategy("UCB1", weights=log.initial_weights), evidence=evidence) for log in logs]
        found[evidence] = statistics.fmean(truth(one, rates) for one in replays)
    assert found["weighted"] == pytest.approx(right, abs=0.006)
    assert found["logged"] < right - 0.02


@pytest.mark.slow
@pytest.mark.parametrize("evidence", ["weighted", "logged"])
@pytest.mark.parametrize("strategy", ["fixed", "EpsilonGreedy", "UCB1"])
def test_recorded_events_give_the_truth(strategy: str, evidence: str) -> None:
    rates, errors, missed = (0.2, 0.4), [], 0
    for seed in range(25):
        log = log_of(logged(seed, rates=rates))
        fixed = fixed_shares(Shares({NAMES[0]: 1.0}))
        target = fixed if strategy == "fixed" else of_strategy(strategy, weights=log.initial_weights)
        found = replay(log, target, evidence=evidence)
        right, guess = truth(found, rates), found.evaluation.doubly_robust
        errors.append(guess.value - right)
        missed += not guess.lower <= right <= guess.upper
    assert abs(statistics.fmean(errors)) < 3.5 * statistics.stdev(errors) / math.sqrt(len(errors))
    assert missed <= 1
