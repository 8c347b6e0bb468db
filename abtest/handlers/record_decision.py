"""RecordDecision: the Decision and the experiment's new shares, in one transaction."""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import DECIDED
from abtest.handlers.settings import RecordingSettings, read

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
    settings = read(RecordingSettings)
    decision = Decision.from_json(event["decision"])
    table = ExperimentsTable(settings.experiments_table_name)
    applied = table.apply_decision(decision, execution=event["execution"])
    return {
        "applied": applied,
        "decided": applied and decision.status == DECIDED,
        "decision_id": decision.decision_id,
        "announcement": {member: getattr(decision, member) for member in ANNOUNCED},
    }
