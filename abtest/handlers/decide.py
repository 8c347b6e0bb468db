"""Decide: counts to a Decision. Reads and writes nothing: all that it needs comes with the event."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.endpoint_weights import desired_weights, differ
from abtest.experiment.counts import Counts
from abtest.experiment.experiment import Experiment
from abtest.experiment.rebalance import decide
from abtest.handlers.workflow import logger, unpacked


class Decided(TypedDict):
    """`move` is whether the endpoint's weights differ from those desired."""

    move: bool
    desired_weights: list[dict[str, Any]]
    decision: dict[str, Any]


def handler(event: dict[str, Any], _context: Any) -> Decided:
    evidence = unpacked(event["evidence"])
    experiment, counts = Experiment.from_json(evidence["experiment"]), Counts.from_json(evidence["counts"])
    decision = decide(experiment, counts, decided_at=datetime.datetime.now(datetime.UTC))
    logger.info(decision.reason, decision_id=decision.decision_id, status=decision.status)
    return {
        "move": differ(decision.new_shares, event["endpoint"]),
        "desired_weights": desired_weights(decision.new_shares),
        "decision": decision.to_json(),
    }
