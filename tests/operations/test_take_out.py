import dataclasses
import datetime
from collections.abc import Sequence

import pytest

from abtest.adapters import executions
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError, Write
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.variants import VariantCounts
from abtest.operations.record_decision import record_decision
from abtest.operations.take_out import TakeOutError, readmit, take_out
from tests.adapters.samples import ENDPOINT, NOW, begin, config, decision, experiment, plan

WHY = "5XX rate above 0.05."


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The machines that were started."""
    made: list[str] = []

    def start(machine: str, data: dict[str, str]) -> str:
        assert data == {"endpoint_name": ENDPOINT}
        made.append(machine)
        return "arn:run"

    monkeypatch.setattr(executions, "start", start)
    return made


def begun(table: ExperimentsTable, shares: dict[str, float], **changes: object) -> Experiment:
    current = experiment(plan(1, tuple(range(1, len(shares)))), shares, **changes)
    begin(table, current)
    return current


def current(table: ExperimentsTable) -> Experiment:
    found = table.current(ENDPOINT)
    assert found is not None
    return found


def out(table: ExperimentsTable, variant_name: str = "Challenger1") -> bool:
    return take_out(table, ENDPOINT, variant_name, WHY, rebalance_arn="arn:rebalance", execution="event", now=NOW)


def test_a_variant_goes_once_by_a_decision_and_no_count_is_touched(experiments: ExperimentsTable) -> None:
    begin = begun(experiments, {"Champion1": 0.6, "Challenger1": 0.25, "Challenger2": 0.15})
    record_decision(experiments, decision(begin, dict(begin.shares)), execution="r")
    before = current(experiments)
    assert out(experiments)
    after = current(experiments)
    assert dict(after.shares) == pytest.approx({"Champion1": 0.8, "Challenger1": 0, "Challenger2": 0.2})
    assert after.out == {"Challenger1": WHY}
    assert (after.counts, after.status, after.decision_count) == (before.counts, "running", 2)
    record = experiments.decisions(ENDPOINT, after.experiment_id)[-1]
    assert record.reason == f"Challenger1 is taken out: {WHY}"
    assert (record.new_shares, record.decision_id) == (after.shares, after.decision_id)
    assert record.counts["Challenger1"].invocation_count == 10
    assert set(record.probability_best) == {"Champion1", "Challenger2"}
    assert not out(experiments)
    assert current(experiments) == after


def compared(table: ExperimentsTable) -> tuple[int, int]:
    """How often a compared variant left, and the Decision since which those left are compared."""
    return current(table).leaves, current(table).compared_since


def back(table: ExperimentsTable) -> None:
    readmit(table, "Challenger1", config(), rebalance_arn="arn:rebalance", now=NOW)


def test_one_of_two_that_goes_and_comes_back_is_compared_as_before(experiments: ExperimentsTable) -> None:
    begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    out(experiments)
    assert compared(experiments) == (0, 0)
    back(experiments)
    assert (compared(experiments), current(experiments).decision_count) == ((0, 0), 2)


def test_one_of_three_that_goes_ends_their_comparison(experiments: ExperimentsTable) -> None:
    """What was bet on it says nothing of those left, and who goes may depend on what was seen."""
    begun(experiments, {"Champion1": 0.5, "Challenger1": 0.25, "Challenger2": 0.25})
    out(experiments)
    assert compared(experiments) == (1, 1)
    back(experiments)
    record_decision(experiments, decision(current(experiments), dict(current(experiments).shares)), execution="r")
    assert compared(experiments) == (1, 1)
    out(experiments, "Challenger2")
    assert (compared(experiments), current(experiments).decision_count) == ((2, 4), 4)


def test_a_winner_that_goes_has_not_won_and_the_champion_has_its_traffic(experiments: ExperimentsTable) -> None:
    begin = begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    won = dataclasses.replace(decision(begin, {"Champion1": 0.0, "Challenger1": 1.0}), status="decided")
    record_decision(experiments, dataclasses.replace(won, leader="Challenger1"), execution="r")
    assert out(experiments)
    after = current(experiments)
    assert (dict(after.shares), after.status, after.leader) == ({"Champion1": 1.0, "Challenger1": 0.0}, "running", None)
    assert experiments.decisions(ENDPOINT, after.experiment_id)[-1].leader == "Champion1"


def test_an_ended_test_stays_ended_when_another_goes(experiments: ExperimentsTable) -> None:
    begin = begun(experiments, {"Champion1": 0.5, "Challenger1": 0.25, "Challenger2": 0.25})
    alike = decision(begin, {"Champion1": 1.0, "Challenger1": 0.0, "Challenger2": 0.0}, status="equivalent")
    better = VariantCounts(invocation_count=100, conversion_count=90, reward_sum=90)
    counts = {**alike.counts, "Challenger2": better}
    record_decision(experiments, dataclasses.replace(alike, leader="Champion1", counts=counts), execution="r")
    assert out(experiments)
    after = current(experiments)
    record = experiments.decisions(ENDPOINT, after.experiment_id)[-1]
    assert (after.status, after.leader) == (record.status, record.leader) == ("equivalent", "Champion1")


def test_the_champion_and_strangers_are_refused(experiments: ExperimentsTable) -> None:
    with pytest.raises(TakeOutError, match="has no experiment"):
        out(experiments)
    begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    with pytest.raises(TakeOutError, match="Champion1 is the champion"):
        out(experiments, "Champion1")
    with pytest.raises(TakeOutError, match="Challenger7 is no variant of reviews-dev-v1-1: it has Champion1, Chall"):
        out(experiments, "Challenger7")


def test_a_decision_that_comes_between_is_kept(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_ = begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    write, raced = experiments.attempt, iter([True])

    def late(writes: Sequence[Write]) -> bool:
        if next(raced, False):
            assert record_decision(experiments, decision(begin_, {"Champion1": 0.3, "Challenger1": 0.7}), execution="r")
        return write(writes)

    monkeypatch.setattr(experiments, "attempt", late)
    assert out(experiments)
    assert (current(experiments).decision_count, current(experiments).out) == (2, {"Challenger1": WHY})


def test_who_loses_every_race_says_so(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    monkeypatch.setattr(experiments, "attempt", lambda _: False)
    with pytest.raises(StaleError, match="too many Decisions at once"):
        out(experiments)


def test_a_variant_that_is_back_is_a_canary_again(experiments: ExperimentsTable) -> None:
    begun(experiments, {"Champion1": 0.5, "Challenger1": 0.5})
    canary = config(canary={"share": 0.1, "minutes": 30})
    with pytest.raises(TakeOutError, match="Challenger1 is not out of reviews-dev-v1-1"):
        readmit(experiments, "Challenger1", canary, rebalance_arn="arn:rebalance", now=NOW)
    out(experiments)
    readmit(experiments, "Challenger1", canary, rebalance_arn="arn:rebalance", now=NOW)
    back = current(experiments)
    assert dict(back.shares) == pytest.approx({"Champion1": 0.9, "Challenger1": 0.1})
    assert (back.out, back.canary_until) == ({}, {"Challenger1": NOW + datetime.timedelta(minutes=30)})
    assert experiments.decisions(ENDPOINT, back.experiment_id)[-1].reason == "Challenger1 is put back by hand."
    out(experiments)
    readmit(experiments, "Challenger1", config(), rebalance_arn="arn:rebalance", now=NOW)
    assert dict(current(experiments).shares) == {"Champion1": 0.5, "Challenger1": 0.5}
