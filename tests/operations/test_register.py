import dataclasses
import datetime

import pytest

from abtest.adapters import executions
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.decision import Boundary
from abtest.experiment.record.plan import Plan, PlannedVariant
from abtest.operations import hold_lease
from abtest.operations import register as registration
from abtest.operations.record_decision import record_decision
from abtest.operations.register import Registration
from abtest.operations.take_out import take_out
from tests.adapters.samples import ENDPOINT, NOW, config, decision, plan

LATER = NOW + datetime.timedelta(hours=1)


@pytest.fixture
def held(experiments: ExperimentsTable) -> ExperimentsTable:
    hold_lease.ask(experiments, ENDPOINT, "x", 0)
    return ExperimentsTable("experiments")


def register(
    table: ExperimentsTable, wanted: Plan, of: ExperimentConfig, *, execution: str = "x", now: datetime.datetime = NOW
) -> Registration:
    """By an endpoint config that is named after the variants."""
    config_name = "-".join(wanted.packages)
    return registration.register(table, wanted, of, endpoint_config_name=config_name, execution=execution, now=now)


def registered(table: ExperimentsTable, wanted: Plan, now: datetime.datetime = NOW) -> Registration:
    return register(table, wanted, config(strategy="UCB1", warmup=7), execution="x", now=now)


def test_a_champion_begins_an_experiment_with_the_configuration(held: ExperimentsTable) -> None:
    assert registered(held, plan(3, (1,))) == Registration("reviews-dev-v3-1", "begun")
    begun = held.current(ENDPOINT)
    assert begun is not None
    assert (begun.settings.strategy, begun.settings.warmup, begun.started_at) == ("UCB1", 7, NOW)
    assert (begun.decision_id, begun.decision_count) == ("reviews-dev-v3-1-d000000", 0)
    assert dict(begun.shares) == {"Champion3": 0.5, "Challenger1": 0.5}


def test_the_same_plan_touches_nothing(held: ExperimentsTable) -> None:
    registered(held, plan(1, (1,)))
    before = held.current(ENDPOINT)
    assert registered(held, plan(1, (1,)), LATER) == Registration("reviews-dev-v1-1", "none")
    assert held.current(ENDPOINT) == before


def test_a_champion_that_comes_back_begins_its_second_experiment(held: ExperimentsTable) -> None:
    changes = [registered(held, plan(version)).experiment_id for version in (1, 2, 1)]
    assert changes == ["reviews-dev-v1-1", "reviews-dev-v2-1", "reviews-dev-v1-2"]
    assert [past.experiment_id for past in held.past(ENDPOINT)] == changes[:2]


def test_challengers_join_and_leave_by_a_decision(held: ExperimentsTable) -> None:
    registered(held, plan(1, (1,)))
    begun = held.current(ENDPOINT)
    assert begun is not None
    record_decision(held, decision(begun, {"Champion1": 0.2, "Challenger1": 0.8}), execution="r")
    assert registered(held, plan(1, (2,)), LATER) == Registration("reviews-dev-v1-1", "changed")
    changed = held.current(ENDPOINT)
    assert changed is not None
    assert dict(changed.shares) == {"Champion1": 0.5, "Challenger2": 0.5}
    assert (changed.decision_count, changed.decision_id) == (2, "reviews-dev-v1-1-d000002")
    assert held.boundaries(changed, after=1) == [Boundary(LATER, {"Champion1": 0.2, "Challenger1": 0.8})]
    assert changed.counted_until != LATER  # nothing was counted
    change = held.decisions(ENDPOINT, "reviews-dev-v1-1")[-1]
    assert change.reason == "Challenger2 joins, Challenger1 leaves: the others keep their proportions."
    assert change.counts["Champion1"].invocation_count == 10
    assert change.counts["Challenger2"].invocation_count == 0


def test_whoever_leaves_ends_the_comparison_and_whoever_joins_does_not(held: ExperimentsTable) -> None:
    """The next one has users of later Decisions only, and a part of alpha of its own."""
    seen = []
    for challengers in ((1,), (1, 2), (2, 3), (2, 3, 4), ()):
        registered(held, plan(1, challengers), LATER)
        now = held.current(ENDPOINT)
        assert now is not None
        seen.append((now.decision_count, now.leaves, now.compared_since))
    assert seen == [(0, 0, 0), (1, 0, 0), (2, 1, 2), (3, 1, 2), (4, 2, 4)]
    first, _, later, _ = (made.e_value_threshold for made in held.decisions(ENDPOINT, "reviews-dev-v1-1"))
    assert (first, later) == pytest.approx((20 / 0.9, 20 / 0.05))


def test_an_experiment_keeps_its_settings_and_its_status_is_no_restart(held: ExperimentsTable) -> None:
    settings = {"mode": "earn_first", "objective": "minimize", "margin": 0.02, "time_limit_hours": 48}
    register(held, plan(1, (1,)), config(**settings), execution="x", now=NOW)
    begun = held.current(ENDPOINT)
    assert begun is not None
    assert begun.settings == config(**settings).settings
    for status in ("stopped", "equivalent", "decided"):
        before = held.current(ENDPOINT)
        assert before is not None
        ended = dataclasses.replace(decision(before, {"Champion1": 1.0, "Challenger1": 0.0}), status=status)
        record_decision(held, ended, execution="r")
        assert registered(held, plan(1, (1,)), LATER).change == "none"
        after = held.current(ENDPOINT)
        assert after is not None
        assert (after.status, after.leader is None) == (status, status == "stopped")


def test_a_joining_challenger_makes_it_run_again(held: ExperimentsTable) -> None:
    """Also past its time limit: that counts from the last joining."""
    register(held, plan(1, (1,)), config(time_limit_hours=0.5), execution="x", now=NOW)
    begun = held.current(ENDPOINT)
    assert begun is not None
    stopped = dataclasses.replace(decision(begun, {"Champion1": 1.0, "Challenger1": 0.0}), status="stopped")
    record_decision(held, stopped, execution="r")
    assert registered(held, plan(1, (1, 2)), LATER).change == "changed"
    again, change = held.current(ENDPOINT), held.decisions(ENDPOINT, "reviews-dev-v1-1")[-1]
    assert again is not None
    assert (again.status, again.leader, change.status) == ("running", None, "running")
    assert again.shares["Challenger2"] > 0
    assert change.e_value_threshold == pytest.approx(1 / (0.9 * 0.05))  # however many are compared


def test_a_challenger_joins_at_the_configured_share_and_no_count_is_reset(held: ExperimentsTable) -> None:
    register(held, plan(1, (1,)), config(joining_share=0.1), execution="x", now=NOW)
    begun = held.current(ENDPOINT)
    assert begun is not None
    record_decision(held, decision(begun, {"Champion1": 0.2, "Challenger1": 0.8}), execution="r")
    register(held, plan(1, (1, 2)), config(joining_share=0.1), execution="x", now=LATER)
    joined, change = held.current(ENDPOINT), held.decisions(ENDPOINT, "reviews-dev-v1-1")[-1]
    assert joined is not None
    assert dict(joined.shares) == pytest.approx({"Champion1": 0.18, "Challenger1": 0.72, "Challenger2": 0.1})
    assert [change.counts[name].invocation_count for name in joined.variant_names] == [10, 10, 0]


def test_a_variants_cost_is_registered(held: ExperimentsTable) -> None:
    registered(held, Plan(1, (*plan(1, ()).variants, PlannedVariant("Challenger1", "arn:challenger/1", 1.0, 0.25))))
    begun = held.current(ENDPOINT)
    assert begun is not None
    assert [variant.cost for variant in begun.variants] == [0.0, 0.25]


def test_who_lost_the_lease_registers_nothing(held: ExperimentsTable) -> None:
    with pytest.raises(StaleError):
        register(held, plan(1), config(), execution="other", now=NOW)
    assert held.current(ENDPOINT) is None


def test_challengers_that_come_are_canaries_and_who_is_out_stays_out(
    held: ExperimentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "start", lambda *_: "")
    canary = config(canary={"share": 0.1, "minutes": 30})
    register(held, plan(1, (1,)), canary, execution="x", now=NOW)
    begun = held.current(ENDPOINT)
    assert begun is not None
    assert dict(begun.shares) == pytest.approx({"Champion1": 0.9, "Challenger1": 0.1})
    assert begun.canary_until == {"Challenger1": NOW + datetime.timedelta(minutes=30)}
    take_out(held, ENDPOINT, "Challenger1", "slow", rebalance_arn="", execution="event", now=NOW)
    register(held, plan(1, (1, 2)), canary, execution="x", now=LATER)
    joined = held.current(ENDPOINT)
    assert joined is not None
    assert dict(joined.shares) == pytest.approx({"Champion1": 0.9, "Challenger1": 0.0, "Challenger2": 0.1})
    assert joined.out == {"Challenger1": "slow"}
    assert joined.canary_until["Challenger2"] == LATER + datetime.timedelta(minutes=30)
    register(held, plan(1, (2,)), canary, execution="x", now=LATER)
    left = held.current(ENDPOINT)
    assert left is not None and (left.out, set(left.canary_until)) == ({}, {"Challenger2"})
