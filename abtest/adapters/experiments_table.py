"""The `experiments` table: each endpoint's current experiment, its Decisions, and the experiments before it.

EXPERIMENT is the current one, PAST#{id} an earlier one, DECISION#{id}#{number} a Decision, COUNTER#{version} how many
experiments a champion's version has begun. The functions below the class make what must be written together.
"""

import datetime

from abtest.adapters.table import ABSENT, PRESENT, Condition, Delete, Put, Table, Write, counted, equal
from abtest.experiment.record import times
from abtest.experiment.record.decision import Boundary, Decision
from abtest.experiment.record.experiment import Experiment

EXPERIMENT, PAST = "EXPERIMENT", "PAST#"


class ExperimentsTable(Table):
    """The table, with what it holds of experiments."""

    def current(self, endpoint_name: str) -> Experiment | None:
        """The experiment that runs on the endpoint, or ran there last; None before the first."""
        document = self.get(endpoint_name, EXPERIMENT)
        return Experiment.from_json(document) if document else None

    def past(self, endpoint_name: str) -> list[Experiment]:
        """Earlier experiments on the endpoint, as they ended."""
        return [Experiment.from_json(document) for document in self.query(endpoint_name, PAST)]

    def ended(self, endpoint_name: str, experiment_id: str | None) -> Experiment | None:
        """The earlier experiment of this id, as it ended; None if there is none, or for no id."""
        document = self.get(endpoint_name, f"{PAST}{experiment_id}") if experiment_id else None
        return Experiment.from_json(document) if document else None

    def decisions(self, endpoint_name: str, experiment_id: str) -> list[Decision]:
        """The experiment's Decisions, oldest first."""
        return [Decision.from_json(document) for document in self.query(endpoint_name, _decisions(experiment_id))]

    def boundaries(self, experiment: Experiment, after: int) -> list[Boundary]:
        """Of the experiment's Decisions from the one that follows on the `after`-th, oldest first."""
        if after >= experiment.decision_count:
            return []  # DynamoDB refuses a range that ends before it begins
        first, last = (_decision(experiment.experiment_id, number) for number in (after + 1, experiment.decision_count))
        found = self.between(experiment.endpoint_name, first, last, ("as_of", "old_shares"))
        return [
            Boundary(times.from_text(as_of), {name: float(share) for name, share in old_shares.items()})
            for as_of, old_shares in found
        ]

    def writer(self, decision: Decision) -> str | None:
        """The execution that applied the Decision of this number; None if there is no such Decision."""
        document = self.get(decision.endpoint_name, _decision(decision.experiment_id, decision.number))
        return document["execution"] if document else None

    def counter(self, endpoint_name: str, champion_version: int) -> int:
        """How many experiments the champion version has begun on this endpoint."""
        document = self.get(endpoint_name, f"COUNTER#{champion_version}")
        return int(document["counter"]) if document else 0


def _decisions(experiment_id: str) -> str:
    return f"DECISION#{experiment_id}#"


def _decision(experiment_id: str, number: int) -> str:
    return f"{_decisions(experiment_id)}{number:06d}"


def begin(experiment: Experiment, *, counter: int, before: Experiment | None) -> list[Write]:
    """Makes `experiment`, the `counter`-th of its champion version, the current one, and keeps the one `before`."""
    count = f"COUNTER#{experiment.champion_version}"
    return [
        _current(experiment, before),
        Put(experiment.endpoint_name, count, {"counter": counter}, counted("counter", counter - 1)),
        *_kept(before),
    ]


def apply(after: Experiment, decision: Decision, *, before: Experiment, execution: str) -> list[Write]:
    """Makes `after` of `before`, and keeps the Decision that does so."""
    return [_current(after, before), _recorded(decision, execution)]


def resume(past: Experiment, decision: Decision | None, *, before: Experiment | None, execution: str) -> list[Write]:
    """Makes an earlier experiment the current one again, by a Decision if its variants change; keeps `before`."""
    writes = [
        _current(past, before),
        Delete(past.endpoint_name, f"{PAST}{past.experiment_id}", PRESENT),
        *_kept(before),
    ]
    return [*writes, _recorded(decision, execution)] if decision else writes


def retire(experiment: Experiment, now: datetime.datetime) -> list[Write]:
    """Keeps the current experiment as an earlier one; the endpoint has none then."""
    kept = experiment.to_json() | {"retired_at": times.to_text(now)}
    return [
        Delete(experiment.endpoint_name, EXPERIMENT, _unchanged(experiment)),
        Put(experiment.endpoint_name, f"{PAST}{experiment.experiment_id}", kept),
    ]


def _current(experiment: Experiment, before: Experiment | None) -> Put:
    return Put(experiment.endpoint_name, EXPERIMENT, experiment.to_json(), _unchanged(before))


def _unchanged(before: Experiment | None) -> Condition:
    """The current experiment is still `before`, with no Decision since."""
    if before is None:
        return ABSENT
    return equal(experiment_id=before.experiment_id, decision_count=before.decision_count)


def _kept(before: Experiment | None) -> list[Write]:
    return [Put(before.endpoint_name, f"{PAST}{before.experiment_id}", before.to_json())] if before else []


def _recorded(decision: Decision, execution: str) -> Put:
    record = decision.to_json() | {"execution": execution, "applied": True}
    return Put(decision.endpoint_name, _decision(decision.experiment_id, decision.number), record, ABSENT)
