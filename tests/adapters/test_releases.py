import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.adapters.experiments_table import ExperimentsTable, StaleError
from abtest.adapters.releases import ReleasesTable
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan
from abtest.experiment.record.release import Release, Releases
from abtest.operations import register as registration
from abtest.operations.register import Registration
from tests.adapters.samples import ENDPOINT, NOW, config, decision, plan

LATER = NOW + datetime.timedelta(hours=1)


def release(champion: int, instances: int = 1) -> Release:
    name = f"config-{champion}-{instances}"
    return Release.of(name, f"reviews-dev-v{champion}-1", {f"Champion{champion}": f"arn:champion/{champion}"})


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2))))
def test_the_previous_release_is_the_last_one_of_other_packages(deployed: list[tuple[int, int]]) -> None:
    """Against a plain model: the list of all that was deployed."""
    kept, made = Releases(), [release(*one) for one in deployed]
    for one in made:
        kept = Releases.from_json(kept.to_json()).then(one)
    others = [one for one in made if one.packages != made[-1].packages]
    assert kept.current == (made[-1] if made else None)
    assert kept.previous == (others[-1] if others else None)


def test_what_a_rollback_wants_holds_until_there_is_another_experiment() -> None:
    wanting = Releases().then(release(1)).then(release(2)).wanting("reviews-dev-v1-1")
    assert wanting.then(release(2)) == wanting == wanting.wanting("reviews-dev-v1-1")
    more = release(2).packages | {"Challenger1": "arn:challenger/1"}
    joined = Release.of("config-2-1", "reviews-dev-v2-1", more)
    assert wanting.then(joined).resume == "reviews-dev-v1-1"
    assert wanting.then(release(3)).resume is None
    assert wanting.then(release(1)).resume is None


@pytest.fixture
def table(experiments: ExperimentsTable) -> ReleasesTable:
    """A champion whose shares a Decision has moved, and its successor."""
    experiments.ask_for_lease(ENDPOINT, "x", 0)
    made = ReleasesTable("experiments")
    registered(made, plan(1))
    moved = decision(current(made), {"Champion1": 0.2, "Challenger1": 0.8})
    made.apply_decision(moved, execution="r")
    registered(made, plan(2, ()))
    return made


def registered(table: ReleasesTable, wanted: Plan) -> Registration:
    name = "-".join(wanted.packages)
    return registration.register(table, wanted, config(), endpoint_config_name=name, execution="x", now=LATER)


def current(table: ReleasesTable) -> Experiment:
    found = table.current(ENDPOINT)
    assert found is not None
    return found


def want_back(table: ReleasesTable) -> Experiment:
    (past,) = table.past(ENDPOINT)
    table.want_back(ENDPOINT, table.releases(ENDPOINT), past.experiment_id)
    return past


def test_registering_keeps_what_was_deployed(table: ReleasesTable) -> None:
    releases = table.releases(ENDPOINT)
    assert releases.current == Release.of("Champion2", "reviews-dev-v2-1", plan(2, ()).packages)
    assert releases.previous == Release.of("Champion1-Challenger1", "reviews-dev-v1-1", plan(1).packages)


def test_other_instances_are_a_release_without_a_change_of_the_experiment(table: ReleasesTable) -> None:
    done = registration.register(table, plan(2, ()), config(), endpoint_config_name="larger", execution="x", now=LATER)
    assert done.change == "none"
    after = table.releases(ENDPOINT)
    assert after.current and after.previous
    assert (after.current.endpoint_config_name, after.previous.experiment_id) == ("larger", "reviews-dev-v1-1")


def test_the_wanted_experiment_is_resumed_as_it_was_and_the_other_is_kept(table: ReleasesTable) -> None:
    before, left = want_back(table), current(table)
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-1", "resumed")
    assert (current(table), table.past(ENDPOINT)) == (before, [left])
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-1", "none")
    assert table.releases(ENDPOINT).resume is None


def test_an_update_of_the_endpoint_carries_the_wanted_experiments_shares(table: ReleasesTable) -> None:
    before = want_back(table)
    releases = table.releases(ENDPOINT)
    assert table.wanted_back(ENDPOINT, releases, plan(1, (1, 2))) == before
    assert table.wanted_back(ENDPOINT, releases, plan(2)) is None
    assert table.wanted_back(ENDPOINT, releases, plan(3)) is None


def test_a_challenger_approved_meanwhile_joins_the_resumed_experiment(table: ReleasesTable) -> None:
    want_back(table)
    assert registered(table, plan(1, (1, 2))).change == "resumed"
    assert (current(table).decision_count, current(table).status) == (2, "running")
    assert current(table).shares["Challenger1"] == pytest.approx(4 * current(table).shares["Champion1"])
    change = table.decisions(ENDPOINT, "reviews-dev-v1-1")[-1]
    assert change.reason.startswith("Challenger2 joins")
    assert change.counts["Challenger1"].invocation_count == 10


def test_a_champion_approved_meanwhile_begins_its_own_experiment(table: ReleasesTable) -> None:
    want_back(table)
    assert registered(table, plan(3)) == Registration("reviews-dev-v3-1", "begun")
    assert table.releases(ENDPOINT).resume is None
    assert registered(table, plan(1)) == Registration("reviews-dev-v1-2", "begun")
    assert {past.experiment_id for past in table.past(ENDPOINT)} == {f"reviews-dev-v{n}-1" for n in (1, 2, 3)}


def test_a_decision_applied_meanwhile_is_not_lost(table: ReleasesTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration reads the experiment, a rebalance applies its Decision, registration writes in vain."""
    want_back(table)
    read = table.current(ENDPOINT)
    assert read is not None
    table.apply_decision(decision(read, {"Champion2": 1.0}), execution="r")
    with monkeypatch.context() as stale:
        stale.setattr(table, "current", lambda _: read)
        with pytest.raises(StaleError):
            registered(table, plan(1))
    assert (current(table).experiment_id, current(table).decision_count) == ("reviews-dev-v2-1", 1)
    assert registered(table, plan(1)).change == "resumed"
    assert [past.decision_count for past in table.past(ENDPOINT)] == [1]


def test_a_release_meanwhile_refuses_the_rollbacks_mark(table: ReleasesTable) -> None:
    seen = table.releases(ENDPOINT)
    registered(table, plan(3))
    with pytest.raises(StaleError):
        table.want_back(ENDPOINT, seen, "reviews-dev-v1-1")
    assert table.releases(ENDPOINT).resume is None
