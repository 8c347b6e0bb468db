import math

import pytest

from abtest.adapters.experiments_table import ExperimentsTable, StaleError, from_item, to_item
from abtest.experiment.record.experiment import Experiment
from tests.adapters.samples import ENDPOINT, decision, experiment, plan

SHARES = {"Champion1": 0.5, "Challenger1": 0.5}
MOVED = {"Champion1": 0.1, "Challenger1": 0.9}


@pytest.fixture
def begun(experiments: ExperimentsTable) -> Experiment:
    """The first experiment, with the lease held by `x`."""
    experiments.ask_for_lease(ENDPOINT, "x", 0)
    made = experiment(plan(1, (1,)))
    experiments.begin(made, counter=1, before=None, execution="x")
    return made


def test_an_experiment_survives_the_table(experiments: ExperimentsTable, begun: Experiment) -> None:
    assert experiments.current(ENDPOINT) == begun
    assert experiments.current("other") is None
    assert experiments.counter(ENDPOINT, 1) == 1
    assert experiments.counter(ENDPOINT, 2) == 0


def test_the_next_experiment_keeps_the_one_before(experiments: ExperimentsTable, begun: Experiment) -> None:
    following = experiment(plan(2))
    experiments.begin(following, counter=1, before=begun, execution="x")
    assert experiments.current(ENDPOINT) == following
    assert experiments.past(ENDPOINT) == [begun]


@pytest.mark.parametrize(
    ("counter", "execution", "before"),
    [(2, "x", True), (1, "y", True), (1, "x", False)],
    ids=["the counter moved", "the lease is another's", "there is one already"],
)
def test_a_stale_beginning_writes_nothing(
    experiments: ExperimentsTable, begun: Experiment, counter: int, execution: str, before: bool
) -> None:
    with pytest.raises(StaleError):
        experiments.begin(experiment(plan(2)), counter=counter, before=begun if before else None, execution=execution)
    assert experiments.current(ENDPOINT) == begun
    assert experiments.past(ENDPOINT) == []
    assert experiments.counter(ENDPOINT, 2) == 0


def test_a_decision_and_the_shares_are_applied_together(experiments: ExperimentsTable, begun: Experiment) -> None:
    made = decision(begun, MOVED)
    assert experiments.apply_decision(made, execution="r")
    current = experiments.current(ENDPOINT)
    assert current is not None
    assert (current.shares, current.decision_id, current.decision_count) == (made.new_shares, made.decision_id, 1)
    assert (current.counts, current.counted_until) == (made.counts, made.as_of)
    assert (current.status, current.leader) == ("running", None)
    assert experiments.decisions(ENDPOINT, begun.experiment_id) == [made]


def test_a_decision_is_applied_once_however_often_it_is_retried(
    experiments: ExperimentsTable, begun: Experiment
) -> None:
    made = decision(begun, MOVED)
    assert experiments.apply_decision(made, execution="r")
    assert experiments.apply_decision(made, execution="r")
    assert not experiments.apply_decision(decision(begun, SHARES), execution="other")
    assert len(experiments.decisions(ENDPOINT, begun.experiment_id)) == 1


def test_a_decision_on_an_earlier_experiment_is_not_applied(experiments: ExperimentsTable, begun: Experiment) -> None:
    following = experiment(plan(2))
    experiments.begin(following, counter=1, before=begun, execution="x")
    assert not experiments.apply_decision(decision(begun, MOVED), execution="r")
    assert experiments.current(ENDPOINT) == following


def test_a_named_leader_is_kept(experiments: ExperimentsTable, begun: Experiment) -> None:
    made = decision(begun, MOVED, status="decided", leader="Challenger1")
    assert experiments.apply_decision(made, execution="r")
    current = experiments.current(ENDPOINT)
    assert current is not None and (current.status, current.leader) == ("decided", "Challenger1")


def test_decisions_come_in_their_order(experiments: ExperimentsTable, begun: Experiment) -> None:
    current: Experiment | None = begun
    for _ in range(11):
        assert current is not None
        assert experiments.apply_decision(decision(current, MOVED), execution="r")
        current = experiments.current(ENDPOINT)
    made = experiments.decisions(ENDPOINT, begun.experiment_id)
    assert [one.number for one in made] == list(range(1, 12))
    assert current is not None
    assert experiments.boundaries(current, after=0) == [one.as_of for one in made]
    assert experiments.boundaries(current, after=9) == [one.as_of for one in made[9:]]
    assert experiments.boundaries(current, after=11) == experiments.boundaries(begun, after=0) == []


def test_the_lease_has_one_holder(experiments: ExperimentsTable) -> None:
    assert experiments.ask_for_lease(ENDPOINT, "a", 0)
    assert not experiments.ask_for_lease(ENDPOINT, "b", 1)
    assert experiments.ask_for_lease("another endpoint", "b", 1)
    experiments.release_lease(ENDPOINT, "a")
    assert not experiments.ask_for_lease(ENDPOINT, "c", 2)
    assert experiments.ask_for_lease(ENDPOINT, "b", 3)


def test_a_lost_race_for_the_lease_is_run_again(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another execution writes between our reading and writing."""
    read = ExperimentsTable._lease
    raced = iter([True])

    def race(table: ExperimentsTable, endpoint_name: str) -> object:
        lease = read(table, endpoint_name)
        if next(raced, False):
            assert table.ask_for_lease(endpoint_name, "faster", 0)
        return lease

    monkeypatch.setattr(ExperimentsTable, "_lease", race)
    assert not experiments.ask_for_lease(ENDPOINT, "slower", 0)


def test_numbers_are_exact_within_what_the_table_can_hold() -> None:
    numbers = {"a": 0.1, "b": 1 / 3, "c": 1e-300, "d": math.inf, "e": 1e100, "f": 3, "g": -2.5e-7}
    read = {name: float(number) for name, number in from_item(to_item(numbers)).items()}
    assert read == numbers | {"c": 0.0, "d": 9e125}
