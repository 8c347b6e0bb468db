"""Decisions: what moves the shares, what keeps them, what is named."""

import json
from typing import Any

import pytest

from abtest.experiment import probability_best, traffic_shares
from abtest.experiment.counts import Counts, Interval
from abtest.experiment.rebalance import Decision, decide
from abtest.experiment.variants import Shares, VariantCounts
from tests.experiment.samples import EXPERIMENT, NAMES, at, counts, experiment

CLOSE = {"Champion1": (40, 20.0), "Challenger1": (40, 24.0)}
CLEAR = {"Champion1": (100, 20.0), "Challenger1": (100, 80.0)}


def decided(outcomes: dict[str, tuple[int, float]], **changes: Any) -> Decision:
    return decide(experiment(**changes), counts(outcomes), decided_at=at(1001))


def test_new_shares_are_the_strategys() -> None:
    decision = decided(CLOSE, exploration_floor=0.02, warmup=20)
    trials = [CLOSE[name] for name in NAMES]
    expected = traffic_shares(trials, strategy="ThompsonSampling", floor=0.02, burn_in=20)
    assert list(decision.new_shares.values()) == expected
    assert list(decision.probability_best.values()) == probability_best(trials)
    assert decision.old_shares == Shares(dict.fromkeys(NAMES, 0.5))
    assert decision.updated
    assert decision.status == "running"
    assert decision.leader == "Challenger1"
    assert 0 < (decision.value_remaining or 0) < 1


@pytest.mark.parametrize("strategy", ["WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling"])
def test_every_strategy_decides(strategy: str) -> None:
    decision = decided(CLOSE, strategy=strategy, epsilon=0.3)
    shares = traffic_shares(
        [CLOSE[name] for name in NAMES], strategy=strategy, epsilon=0.3, history=[[CLOSE[name] for name in NAMES]]
    )
    assert list(decision.new_shares.values()) == shares
    assert decision.updated == (strategy != "WeightedSampling")


def test_the_record_is_complete() -> None:
    decision = decided(CLOSE, decision_count=4, decision_id="earlier")
    assert decision.number == 5
    assert decision.decision_id == f"{EXPERIMENT}-d000005"
    assert (decision.decided_at, decision.as_of) == (at(1001), at(1000))
    assert decision.counts["Champion1"].invocation_count == 40
    assert decision.e_value_threshold == 40
    assert set(decision.e_values) == {"Champion1"}
    assert decide(experiment(), counts(CLOSE), decided_at=at(1001), number=9).decision_id == f"{EXPERIMENT}-d000009"


def test_the_reason_has_the_numbers() -> None:
    best, e_value = decided(CLOSE).probability_best["Challenger1"], decided(CLOSE).e_values["Champion1"]
    assert decided(CLOSE).reason == (
        f"Challenger1 is ahead with P(best) {best:.3f}: e-value {e_value:.3g} against Champion1, 40 needed."
    )


@pytest.mark.parametrize(
    ("changes", "counted", "reason"),
    [
        ({"warmup": 41}, {}, "burn-in: Champion1 has 40 of 41 invocations"),
        ({"counted_until": at(1001)}, {}, "before 2026-01-01T00:16:41.000Z, to which an earlier Decision counted"),
        ({"counts": {"Champion1": VariantCounts(81)}}, {}, "80 invocations are counted, 81 were before"),
        ({}, {"experiment_id": "another"}, "the counts are of experiment another"),
        ({}, {"variants": {"Champion1": VariantCounts(pending_invocation_count=3)}}, "is over yet (3 pending)"),
        ({"exploration_floor": 0.6}, {}, "the settings cannot be followed (floor: "),
    ],
)
def test_in_doubt_the_shares_stay(changes: dict[str, Any], counted: dict[str, Any], reason: str) -> None:
    shares = Shares({"Champion1": 0.7, "Challenger1": 0.3})
    decision = decide(experiment(shares=shares, **changes), counts(CLOSE, **counted), decided_at=at(1001))
    assert decision.new_shares is shares
    assert not decision.updated
    assert decision.reason.startswith("Shares stay: ")
    assert reason in decision.reason


def test_the_test_names_the_leader_not_the_probability() -> None:
    decision = decided(CLEAR)
    assert decision.status == "decided"
    assert decision.leader == "Challenger1"
    assert decision.e_values["Champion1"] >= decision.e_value_threshold
    assert decision.reason.startswith("Challenger1 is better than every other variant: e-value ")
    # The same counts, but all of one user: P(best) is as high, and nothing is proven.
    variants = counts(CLEAR).variants
    single = Counts(EXPERIMENT, at(1000), variants, (Interval(at(1000), {"Champion1": (1, 0.0)}),))
    assert decide(experiment(), single, decided_at=at(1001)).status == "running"


def test_a_leader_once_named_stays_named() -> None:
    decision = decided(CLOSE, status="decided", leader="Champion1")
    assert (decision.status, decision.leader) == ("decided", "Champion1")
    assert decision.new_shares["Challenger1"] > decision.new_shares["Champion1"]


def test_a_variant_alone() -> None:
    decision = decide(experiment(names=("Champion1",)), counts({"Champion1": (9, 3.0)}), decided_at=at(1001))
    assert dict(decision.new_shares) == {"Champion1": 1.0}
    assert (decision.status, decision.e_values, decision.value_remaining) == ("running", {}, 0)
    assert decision.reason == "Champion1 is alone."


def test_a_challenger_that_joined_late_is_burnt_in_first() -> None:
    names = (*NAMES, "Challenger2")
    shares = Shares({"Champion1": 0.1, "Challenger1": 0.7, "Challenger2": 0.2})
    decision = decide(experiment(names=names, shares=shares, warmup=20), counts(CLOSE), decided_at=at(1001))
    assert decision.new_shares == shares
    assert "Challenger2 has 0 of 20" in decision.reason


def test_before_anything_is_counted() -> None:
    decision = decide(experiment(), counts({}), decided_at=at(1001))
    assert decision.value_remaining is None
    assert decision.leader == "Champion1"
    assert list(decision.probability_best.values()) == pytest.approx([0.5, 0.5])


def test_decisions_survive_the_round_trip() -> None:
    for decision in (decided(CLOSE), decided(CLEAR), decide(experiment(), counts({}), decided_at=at(1001))):
        assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision
