"""Decisions: what moves the shares, what keeps them, what is named."""

import dataclasses
import json
from typing import Any

import pytest

from abtest.experiment import probability_best, traffic_shares
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.rebalance import decide, decide_change
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.variants import Shares, Variant, VariantCounts
from tests.experiment.samples import EXPERIMENT, NAMES, START, at, counts, experiment, settings

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


def test_who_leads_is_what_the_strategy_believes() -> None:
    """Challenger1 led for 20 intervals and fell; all that was counted still speaks for it."""
    led, fell = ({"Champion1": (100.0, 4.0), "Challenger1": (1000.0, reward)} for reward in (60.0, 20.0))
    total = {"Champion1": (2500, 100.0), "Challenger1": (25000, 20 * 60.0 + 5 * 20.0)}
    known = dataclasses.replace(counts(total), weighted_history=(led,) * 20 + (fell,) * 5)
    decisions = {
        strategy: decide(experiment(strategy=strategy), known, decided_at=at(1001))
        for strategy in ("Adaptive", "ThompsonSampling")
    }
    assert decisions["ThompsonSampling"].leader == "Challenger1"
    assert decisions["Adaptive"].leader == "Champion1"
    assert decisions["Adaptive"].probability_best["Champion1"] > 0.9
    assert decisions["Adaptive"].new_shares["Champion1"] > 0.5


def test_the_record_is_complete() -> None:
    decision = decided(CLOSE, decision_count=4, decision_id="earlier")
    assert decision.number == 5
    assert decision.decision_id == f"{EXPERIMENT}-d000005"
    assert (decision.decided_at, decision.as_of) == (at(1001), at(1000))
    assert decision.counts["Champion1"].invocation_count == 40
    assert decision.e_value_threshold == pytest.approx(1 / (0.9 * 0.05))
    assert set(decision.e_values) == {"Champion1"}


def test_the_reason_has_the_numbers() -> None:
    best, e_value = decided(CLOSE).probability_best["Challenger1"], decided(CLOSE).e_values["Champion1"]
    assert decided(CLOSE).reason == (
        f"Challenger1 is ahead with P(best) {best:.3f}: e-value {e_value:.3g} against Champion1, 22.2 needed."
    )


@pytest.mark.parametrize(
    ("changes", "counted", "reason"),
    [
        ({"warmup": 41}, {}, "burn-in: Champion1 has 40 of 41 invocations"),
        ({"counted_until": at(1001)}, {}, "but an earlier Decision counted up to 2026-01-01T00:16:41.000Z"),
        (
            {"counts": {"Champion1": VariantCounts(81)}},
            {},
            "events are missing (invocations counted: 80 now",
        ),
        ({}, {"experiment_id": "another"}, "the counts are those of another experiment, another"),
        ({}, {"variants": {}}, "there is no invocation yet"),
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
    single = Counts(EXPERIMENT, at(1000), variants, (Interval(at(1000), {0: {"Champion1": (1, 0.0)}}),))
    assert decide(experiment(), single, decided_at=at(1001)).status == "running"


def test_a_leader_once_named_stays_named() -> None:
    decision = decided(CLOSE, status="decided", leader="Champion1")
    assert (decision.status, decision.leader) == ("decided", "Champion1")
    assert decision.new_shares["Challenger1"] > decision.new_shares["Champion1"]


def test_learning_first_splits_half_of_the_traffic_evenly() -> None:
    decision = decided(CLOSE, mode="learn_first")
    trials = [CLOSE[name] for name in NAMES]
    assert list(decision.new_shares.values()) == traffic_shares(trials, strategy="ThompsonSampling", floor=0.25)
    assert min(decision.new_shares.values()) >= 0.25
    higher = decided(CLOSE, mode="learn_first", exploration_floor=0.4)
    assert min(higher.new_shares.values()) >= 0.4


def test_learning_spares_the_variants_that_are_refuted() -> None:
    outcomes = {"Champion1": (1000, 500.0), "Challenger1": (1000, 505.0), "Challenger2": (1000, 200.0)}
    decision = decided(outcomes, mode="learn_first", strategy="WeightedSampling", names=tuple(outcomes))
    assert decision.status == "running"
    assert list(decision.new_shares.values()) == pytest.approx([5 / 12, 5 / 12, 1 / 6])


@pytest.mark.parametrize("mode", ["earn_first", "learn_first"])
def test_shares_follow_the_strategy_after_the_winner(mode: str) -> None:
    decision = decided(CLEAR, exploration_floor=0.1, mode=mode)
    assert decision.new_shares["Champion1"] == pytest.approx(0.1)
    assert decision.reason.endswith("; shares follow ThompsonSampling.")
    burning = decided(CLEAR, warmup=101)
    assert (burning.status, burning.updated) == ("decided", False)
    assert burning.reason.endswith("; shares stay: burn-in: Champion1 has 100 of 101 invocations.")


@pytest.mark.parametrize("mode", ["earn_first", "learn_first"])
@pytest.mark.parametrize("ends", [{"status": "equivalent", "margin": 0.1}, {"time_limit_hours": 0.1}])
def test_without_a_winner_the_champion_has_all(mode: str, ends: dict[str, Any]) -> None:
    decision = decided(CLEAR if "margin" in ends else CLOSE, mode=mode, **ends)
    assert decision.status == ("equivalent" if "margin" in ends else "stopped")
    assert dict(decision.new_shares) == {"Champion1": 1.0, "Challenger1": 0.0}
    assert decision.reason.endswith("; Champion1 gets all traffic.")


def test_what_is_over_does_not_come_back() -> None:
    """The counts go on, doubtful or not; the champion keeps the traffic."""
    over = {"status": "stopped", "time_limit_hours": 0.1, "shares": Shares({"Champion1": 1.0, "Challenger1": 0.0})}
    for changes in ({}, {"counted_until": at(2000)}, {"warmup": 1000}):
        decision = decided(CLEAR, **over | changes)
        assert (decision.status, decision.updated) == ("stopped", False)
        assert decision.counts["Challenger1"].reward_sum == 80


def test_shares_follow_the_weighted_history_decisions_the_closed_one() -> None:
    weighted: tuple[dict[str, tuple[float, float]], ...] = (
        {"Champion1": (40.0, 20.0), "Challenger1": (40.0, 24.0)},
        {"Champion1": (7.5, 2.0), "Challenger1": (3.25, 3.0)},
    )
    decision = decide(experiment(), counts(CLOSE, weighted_history=weighted), decided_at=at(1001))
    expected = traffic_shares([(47.5, 22.0), (43.25, 27.0)], strategy="ThompsonSampling")
    assert list(decision.new_shares.values()) == expected
    assert decision.e_values == decided(CLOSE).e_values
    assert decision.probability_best == decided(CLOSE).probability_best


def test_shares_follow_utility() -> None:
    decision = decided(CLOSE, objective="minimize")
    assert list(decision.new_shares.values()) == traffic_shares([(40, 20.0), (40, 16.0)], strategy="ThompsonSampling")
    assert decision.leader == "Champion1"
    costly = tuple(Variant(name, f"arn:{name}", 1.0, START, cost) for name, cost in zip(NAMES, (0.0, 0.5), strict=True))
    decision = decided(CLOSE, variants=costly)
    assert decision.leader == "Champion1"
    assert decision.new_shares["Champion1"] > 0.9


def test_the_record_says_under_which_settings_what_is_proven() -> None:
    decision = decided(CLOSE, mode="learn_first", objective="minimize", margin=0.01, alpha=0.1)
    assert decision.settings == settings(mode="learn_first", objective="minimize", margin=0.01, alpha=0.1)
    assert decision.effects["Challenger1"].difference == pytest.approx(0.1)
    assert "at most 10 %" in decision.guarantee


def test_a_variant_alone() -> None:
    decision = decide(experiment(names=("Champion1",)), counts({"Champion1": (9, 3.0)}), decided_at=at(1001))
    assert dict(decision.new_shares) == {"Champion1": 1.0}
    assert (decision.status, decision.e_values, decision.value_remaining) == ("running", {}, 0)
    assert decision.reason == "Champion1 serves alone."


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


def test_records_of_earlier_versions_can_be_read() -> None:
    document = decided(CLOSE).to_json()
    for name in ("mode", "objective", "margin", "alpha", "effects", "guarantee", "findings"):
        del document[name]
    earlier = Decision.from_json(document)
    assert (earlier.settings.mode, earlier.settings.margin, earlier.effects, earlier.guarantee) == (
        "learn_first",
        None,
        {},
        "",
    )


def test_decisions_survive_the_round_trip() -> None:
    for decision in (decided(CLOSE), decided(CLEAR, margin=0.1), decide(experiment(), counts({}), decided_at=at(1001))):
        assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision


@pytest.mark.parametrize("mode", ["earn_first", "learn_first"])
def test_during_a_canary_the_shares_stay_and_nothing_is_decided(mode: str) -> None:
    decision = decided(CLEAR, canary_until={"Challenger1": at(1001)}, mode=mode)
    assert (decision.updated, decision.status) == (False, "running")
    assert decision.reason == "Shares stay: Challenger1 is a canary until 2026-01-01T00:16:41.000Z."
    assert decision.counts["Challenger1"].invocation_count == 100
    after = decided(CLEAR, canary_until={"Challenger1": at(1000)}, mode=mode)
    assert (after.updated, after.status) == (True, "decided")


def test_a_variant_that_is_out_has_nothing_and_the_others_are_compared_without_it() -> None:
    names = ("Champion1", "Challenger1", "Challenger2")
    outcomes = CLOSE | {"Challenger2": (100, 90.0)}
    shares = Shares({"Champion1": 0.6, "Challenger1": 0.4, "Challenger2": 0.0})
    out = {"names": names, "shares": shares, "out": {"Challenger2": "5XX rate above 0.05."}}
    with_it, without = decided(outcomes, **out), decided(CLOSE)
    assert with_it.new_shares["Challenger2"] == 0
    assert {name: with_it.new_shares[name] for name in NAMES} == pytest.approx(dict(without.new_shares))
    assert (with_it.leader, with_it.status) == ("Challenger1", "running")
    assert with_it.probability_best == without.probability_best
    assert with_it.reason == f"{without.reason} Challenger2 is out: 5XX rate above 0.05."
    assert with_it.counts["Challenger2"].invocation_count == 100


def test_the_champion_serves_alone_where_every_challenger_is_out() -> None:
    decision = decided(CLEAR, shares=Shares({"Champion1": 1.0, "Challenger1": 0.0}), out={"Challenger1": "slow"})
    assert dict(decision.new_shares) == {"Champion1": 1.0, "Challenger1": 0.0}
    assert (decision.leader, decision.reason) == ("Champion1", "Champion1 serves alone. Challenger1 is out: slow")


@pytest.mark.parametrize(
    ("before", "after", "out", "begins_anew"),
    [
        ("AB", "ABC", "", False),  # a variant joins
        ("ABC", "AB", "", True),  # one leaves
        ("AB", "AC", "", True),  # one is replaced
        ("AB", "A", "", True),
        ("AB", "AC", "B", True),  # one that was out is replaced
        ("AB", "ABC", "B", True),  # a third comes while one of two is out
        ("ABC", "AC", "B", False),  # it was no longer compared
    ],
)
def test_where_a_compared_variant_leaves_the_comparison_begins_anew(
    before: str, after: str, out: str, begins_anew: bool
) -> None:
    running = experiment(names=tuple(before), out=dict.fromkeys(out, "slow"), decision_count=6, alpha=0.05)
    changed = dataclasses.replace(
        experiment(names=tuple(after), decision_count=6), out={name: "slow" for name in out if name in after}
    )
    found, decision = decide_change(running, changed, at(5), "A change.")
    assert (found.leaves, found.compared_since) == ((1, 7) if begins_anew else (0, 0))
    assert decision.e_value_threshold == pytest.approx(400 if begins_anew else 1 / (0.9 * 0.05))


def test_users_of_earlier_decisions_are_not_compared_after_that() -> None:
    known = dataclasses.replace(
        counts(CLEAR), history=(Interval(at(1000), {0: CLEAR, 7: CLOSE}),), shares=(dict.fromkeys(NAMES, 0.5),) * 8
    )
    assert decide(experiment(), known, decided_at=at(1001)).status == "decided"
    begun_anew = decide(experiment(leaves=1, compared_since=7), known, decided_at=at(1001))
    assert begun_anew.status == "running"
    assert begun_anew.e_value_threshold == pytest.approx(400)
    assert begun_anew.effects["Champion1"].difference == pytest.approx(0.1)


def test_where_users_of_a_variant_are_lost_nothing_is_concluded() -> None:
    lost = NewUsers(dict(zip(NAMES, (600, 300), strict=True)), dict.fromkeys(NAMES, 0.5))
    decision = decide(experiment(), counts(CLEAR, new_users=(lost,)), decided_at=at(1001))
    assert (decision.status, decision.findings[0].name) == ("running", "sample_ratio_mismatch")


def test_where_every_variant_is_refuted_a_finding_says_so() -> None:
    fallen = {"Champion1": (300, 240.0), "Challenger1": (300, 60.0), "Challenger2": (300, 200.0)}
    risen = {"Champion1": (900, 180.0), "Challenger1": (900, 180.0), "Challenger2": (900, 700.0)}
    later = {"Champion1": (900, 800.0), "Challenger1": (900, 180.0), "Challenger2": (900, 180.0)}
    history = tuple(Interval(at(10 * n), {0: one}) for n, one in enumerate((fallen, fallen, risen, risen, later), 1))
    names = tuple(fallen)
    known = counts(fallen, history=history, shares=(dict.fromkeys(names, 1 / 3),))
    decision = decide(experiment(names=names, status="stopped", time_limit_hours=1.0), known, decided_at=at(1001))
    assert "rates_crossed" in {finding.name for finding in decision.findings}
