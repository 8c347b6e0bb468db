"""RecordDecision: the Decision and the experiment's new shares, in one transaction."""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.rebalance import Decision
from abtest.handlers.settings import RecordingSettings, read


class Recorded(TypedDict):
    """`applied` is false if another execution applied a Decision since the counts were read."""

    applied: bool
    decision_id: str


def handler(event: dict[str, Any], _context: Any) -> Recorded:
    settings = read(RecordingSettings)
    decision = Decision.from_json(event["decision"])
    table = ExperimentsTable(settings.experiments_table_name)
    return {
        "applied": table.apply_decision(decision, execution=event["execution"]),
        "decision_id": decision.decision_id,
    }
