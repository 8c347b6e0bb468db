"""RecordDecision: the Decision and the experiment's new shares, in one transaction."""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import DECIDED
from abtest.experiment.record.function_environments import RecordingEnvironment
from abtest.handlers.environment import read
from abtest.operations import record_decision

ANNOUNCED = ("experiment_id", "endpoint_name", "decision_id", "leader", "reason")


class Recorded(TypedDict):
    """`applied` is false if another execution applied a Decision since the counts were read.

    `decided` is whether it names a winner; `announcement` is what the event says of it.
    """

    applied: bool
    decided: bool
    decision_id: str
    announcement: dict[str, str]


def handler(event: dict[str, Any], _context: Any) -> Recorded:
    decision = Decision.from_json(event["decision"])
    table = ExperimentsTable(read(RecordingEnvironment).experiments_table_name)
    applied = record_decision.record_decision(table, decision, execution=event["execution"])
    return {
        "applied": applied,
        "decided": applied and decision.status == DECIDED,
        "decision_id": decision.decision_id,
        "announcement": {member: getattr(decision, member) for member in ANNOUNCED},
    }
