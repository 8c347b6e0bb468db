"""Promote: the winner of what is decided on the endpoint becomes the champion's new version.

Level-triggered, as events come late and twice: it reads what is decided now, and promotes once. A winner that must not
be promoted, as somebody has rejected it, is no failure, which would come again with every interval: `abtest status` and
the report say so.
"""

from typing import Any, TypedDict

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.experiment import DECIDED
from abtest.handlers.settings import PromotionSettings, logger, read
from abtest.operations.promote import PromotionError, promote


class Promoted(TypedDict):
    """`change` is registered or none; `message` says why none, or what is registered."""

    change: str
    message: str


def handler(_event: dict[str, Any], _context: Any) -> Promoted:
    settings = read(PromotionSettings)
    experiment = ExperimentsTable(settings.experiments_table_name).current(settings.endpoint_name)
    if experiment is None or experiment.status != DECIDED:
        return {"change": "none", "message": f"Nothing is decided on {settings.endpoint_name}."}
    try:
        done = promote(experiment, settings.experiment_config, settings.champion_group_name)
    except PromotionError as error:
        logger.warning("nothing is promoted", experiment_id=experiment.experiment_id, reason=str(error))
        return {"change": "none", "message": str(error)}
    message = f"{done.variant_name} of {done.experiment_id} is {done.package.arn}, {done.package.status}."
    logger.info(message, change=done.change)
    return {"change": done.change, "message": message}
