import datetime

import pytest

from abtest.adapters import releases
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan
from abtest.experiment.record.release import Release
from abtest.operations import hold_lease
from abtest.operations import register as registration
from abtest.operations.record_decision import record_decision
from abtest.operations.register import Registration
from tests.adapters.samples import ENDPOINT, NOW, config, decision, plan

LATER = NOW + datetime.timedelta(hours=1)


@pytest.fixture
def table(experiments: ExperimentsTable) -> ExperimentsTable:
    """A champion whose shares a Decision has moved, and its successor."""
    hold_lease.ask(experiments, ENDPOINT, "x", 0)
    made = ExperimentsTable("experiments")
    registered(made, plan(1))
    moved = decision(current(made), {"Champion1": 0.2, "Challenger1": 0.8})
    record_decision(made, moved, execution="r")
    registered(made, plan(2, ()))
    return made


def registered(table: ExperimentsTable, wanted: Plan) -> Registration:
    name = "-".join(wanted.packages)
    return registration.register(table, wanted, config(), endpoint_config_name=name, execution="x", now=LATER)


def current(table: ExperimentsTable) -> Experiment:
    found = table.current(ENDPOINT)
    assert found is not None
    return found


def want_back(table: ExperimentsTable) -> Experiment:
    (past,) = table.past(ENDPOINT)
    known = releases.get(table, ENDPOINT)
    table.transact(releases.put(ENDPOINT, known, known.wanting(past.experiment_id)))
    return past


def test_registering_keeps_what_was_deployed(table: ExperimentsTable) -> None:
    known = releases.get(table, ENDPOINT)
    assert known.current == Release.of("Champion2", "reviews-dev-v2-1", plan(2, ()).packages)
    assert known.previous == Release.of("Champion1-Challenger1", "reviews-dev-v1-1", plan(1).packages)


def test_other_instances_are_a_release_without_a_change_of_the_experiment(table: ExperimentsTable) -> None:
    done = registration.register(table, plan(2, ()), config(), endpoint_config_name="larger", execution="x", now=LATER)
    assert done.change == "none"
    after = releases.get(table, ENDPOINT)
    assert after.current and after.previous
    assert (after.current.endpoint_config_name, after.previous.experiment_id) == ("larger", "reviews-dev-v1-1")


def test_the_wanted_experiment_is_resumed_as_it_was_and_the_other_is_kept(table: ExperimentsTable) -> None:
    before, left = want_back(table), current(table)
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-1", "resumed")
    assert (current(table), table.past(ENDPOINT)) == (before, [left])
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-1", "none")
    assert releases.get(table, ENDPOINT).resume is None


def test_a_challenger_approved_meanwhile_joins_the_resumed_experiment(table: ExperimentsTable) -> None:
    want_back(table)
    assert registered(table, plan(1, (1, 2))).change == "resumed"
    assert (current(table).decision_count, current(table).status) == (2, "running")
    assert current(table).shares["Challenger1"] == pytest.approx(4 * current(table).shares["Champion1"])
    change = table.decisions(ENDPOINT, "reviews-dev-v1-1")[-1]
    assert change.reason.startswith("Challenger2 joins")
    assert change.counts["Challenger1"].invocation_count == 10


def test_a_champion_approved_meanwhile_begins_its_own_experiment(table: ExperimentsTable) -> None:
    want_back(table)
    assert registered(table, plan(3)) == Registration("reviews-dev-v3-1", "begun")
    assert releases.get(table, ENDPOINT).resume is None
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-2", "begun")
    assert {past.experiment_id for past in table.past(ENDPOINT)} == {f"reviews-dev-v{n}-1" for n in (1, 2, 3)}


def test_a_decision_applied_meanwhile_is_not_lost(table: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration reads the experiment, a rebalance applies its Decision, registration writes in vain."""
    want_back(table)
    read = table.current(ENDPOINT)
    assert read is not None
    record_decision(table, decision(read, {"Champion2": 1.0}), execution="r")
    with monkeypatch.context() as stale:
        stale.setattr(table, "current", lambda _: read)
        with pytest.raises(StaleError):
            registered(table, plan(1))
    assert (current(table).experiment_id, current(table).decision_count) == ("reviews-dev-v2-1", 1)
    assert registered(table, plan(1)).change == "resumed"
    assert [past.decision_count for past in table.past(ENDPOINT)] == [1]


def test_a_release_meanwhile_refuses_the_rollbacks_mark(table: ExperimentsTable) -> None:
    seen = releases.get(table, ENDPOINT)
    registered(table, plan(3))
    with pytest.raises(StaleError):
        table.transact(releases.put(ENDPOINT, seen, seen.wanting("reviews-dev-v1-1")))
    assert releases.get(table, ENDPOINT).resume is None
