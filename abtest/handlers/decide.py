"""Decide: counts to a Decision. Reads only what CountEvents wrote for it, and writes nothing."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.counts_store import CountsStore
from abtest.adapters.endpoint import current_weights, desired_weights
from abtest.experiment.record.function_environments import DecidingEnvironment
from abtest.handlers.environment import logger, read
from abtest.operations import decide


class Decided(TypedDict):
    """`move` is whether the endpoint's weights differ from those desired."""

    move: bool
    desired_weights: list[dict[str, Any]]
    decision: dict[str, Any]


def handler(event: dict[str, Any], _context: Any) -> Decided:
    store, now = CountsStore(read(DecidingEnvironment).bucket_name), datetime.datetime.now(datetime.UTC)
    decision, move = decide.decide(store, event["evidence"], current_weights(event["endpoint"]), now=now)
    logger.info(decision.reason, decision_id=decision.decision_id, status=decision.status)
    return {
        "move": move,
        "desired_weights": desired_weights(decision.new_shares),
        "decision": decision.to_json(),
    }
