"""Promote: the winner of what is decided on the endpoint becomes the champion's new version.

Level-triggered, as events come late and twice: it reads what is decided now, and promotes once.
"""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.function_environments import PromotionEnvironment
from abtest.handlers.environment import logger, read
from abtest.operations import promote


class Promoted(TypedDict):
    """`change` is registered or none; `message` says why none, or what is registered."""

    change: str
    message: str


def handler(_event: dict[str, Any], _context: Any) -> Promoted:
    environment = read(PromotionEnvironment)
    table = ExperimentsTable(environment.experiments_table_name)
    change, message = promote.promote_decided(table, environment.experiment_config, environment.champion_group_name)
    logger.info(message, change=change)
    return {"change": change, "message": message}
