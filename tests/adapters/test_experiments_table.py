import pytest

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.experiment.record.decision import Boundary
from abtest.experiment.record.experiment import Experiment
from abtest.operations.record_decision import record_decision
from tests.adapters.samples import ENDPOINT, begin, decision, experiment, plan

SHARES = {"Champion1": 0.5, "Challenger1": 0.5}
MOVED = {"Champion1": 0.1, "Challenger1": 0.9}


def test_an_experiment_survives_the_table(experiments: ExperimentsTable, begun: Experiment) -> None:
    assert experiments.current(ENDPOINT) == begun
    assert experiments.current("other") is None
    assert experiments.counter(ENDPOINT, 1) == 1
    assert experiments.counter(ENDPOINT, 2) == 0


def test_the_next_experiment_keeps_the_one_before(experiments: ExperimentsTable, begun: Experiment) -> None:
    following = experiment(plan(2))
    begin(experiments, following, counter=1, before=begun, execution="x")
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
        begin(experiments, experiment(plan(2)), counter=counter, before=begun if before else None, execution=execution)
    assert experiments.current(ENDPOINT) == begun
    assert experiments.past(ENDPOINT) == []
    assert experiments.counter(ENDPOINT, 2) == 0


def test_decisions_come_in_their_order(experiments: ExperimentsTable, begun: Experiment) -> None:
    current: Experiment | None = begun
    for _ in range(11):
        assert current is not None
        assert record_decision(experiments, decision(current, MOVED), execution="r")
        current = experiments.current(ENDPOINT)
    made = experiments.decisions(ENDPOINT, begun.experiment_id)
    assert [one.number for one in made] == list(range(1, 12))
    assert current is not None
    found = experiments.boundaries(current, after=0)
    assert found == [Boundary(one.as_of, dict(one.old_shares)) for one in made]
    assert [found[place].old_shares for place in (0, 1)] == [SHARES, MOVED]
    assert {type(share) for share in found[0].old_shares.values()} == {float}
    assert experiments.boundaries(current, after=9) == found[9:]
    assert experiments.boundaries(current, after=11) == experiments.boundaries(begun, after=0) == []
