"""Decide: counts to a Decision. Reads only what CountEvents wrote for it, and writes nothing."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.counts_store import CountsStore
from abtest.adapters.endpoint import desired_weights, differ
from abtest.experiment.rebalance import decide
from abtest.experiment.record.function_environments import DecidingEnvironment
from abtest.handlers.environment import logger, read


class Decided(TypedDict):
    """`move` is whether the endpoint's weights differ from those desired."""

    move: bool
    desired_weights: list[dict[str, Any]]
    decision: dict[str, Any]


def handler(event: dict[str, Any], _context: Any) -> Decided:
    experiment, counts = CountsStore(read(DecidingEnvironment).bucket_name).get(event["evidence"])
    decision = decide(experiment, counts, decided_at=datetime.datetime.now(datetime.UTC))
    logger.info(decision.reason, decision_id=decision.decision_id, status=decision.status)
    return {
        "move": differ(decision.new_shares, event["endpoint"]),
        "desired_weights": desired_weights(decision.new_shares),
        "decision": decision.to_json(),
    }
