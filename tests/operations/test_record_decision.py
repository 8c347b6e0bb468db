from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.experiment import Experiment
from abtest.operations.record_decision import record_decision
from tests.adapters.samples import ENDPOINT, begin, decision, experiment, plan

SHARES = {"Champion1": 0.5, "Challenger1": 0.5}
MOVED = {"Champion1": 0.1, "Challenger1": 0.9}


def test_a_decision_and_the_shares_are_applied_together(experiments: ExperimentsTable, begun: Experiment) -> None:
    made = decision(begun, MOVED)
    assert record_decision(experiments, made, execution="r")
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
    assert record_decision(experiments, made, execution="r")
    assert record_decision(experiments, made, execution="r")
    assert not record_decision(experiments, decision(begun, SHARES), execution="other")
    assert len(experiments.decisions(ENDPOINT, begun.experiment_id)) == 1


def test_a_decision_on_an_earlier_experiment_is_not_applied(experiments: ExperimentsTable, begun: Experiment) -> None:
    following = experiment(plan(2))
    begin(experiments, following, counter=1, before=begun, execution="x")
    assert not record_decision(experiments, decision(begun, MOVED), execution="r")
    assert experiments.current(ENDPOINT) == following


def test_a_named_leader_is_kept(experiments: ExperimentsTable, begun: Experiment) -> None:
    made = decision(begun, MOVED, status="decided", leader="Challenger1")
    assert record_decision(experiments, made, execution="r")
    current = experiments.current(ENDPOINT)
    assert current is not None and (current.status, current.leader) == ("decided", "Challenger1")
