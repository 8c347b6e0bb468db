"""CompareShadow: what champion and shadow answered, once there is enough of it, is judged."""

import datetime
from typing import Any, TypedDict

from abtest.adapters.table import Table
from abtest.experiment.record.function_environments import ShadowEnvironment
from abtest.experiment.record.shadow import Pair
from abtest.handlers.environment import logger, read
from abtest.operations import compare_shadow


class Compared(TypedDict):
    """`judged` is whether the shadow is over; `message` says with which verdict, or what it waits for."""

    judged: bool
    message: str


def handler(event: dict[str, Any], _context: Any) -> Compared:
    environment = read(ShadowEnvironment)
    judged, message = compare_shadow.compare_shadow(
        Table(environment.experiments_table_name),
        Pair(**event["shadow"]),
        environment.experiment_config,
        challenger_group_name=environment.challenger_group_name,
        bucket_name=environment.bucket_name,
        now=datetime.datetime.now(datetime.UTC),
    )
    logger.info(message, judged=judged)
    return {"judged": judged, "message": message}
