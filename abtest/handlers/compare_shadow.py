"""CompareShadow: what champion and shadow answered, once there is enough of it, is judged.

Who does not pass is rejected in the registry, with the figures as the note, before the verdict is written: approved
again by hand it may serve all the same. Who is rejected by somebody else meanwhile, or deleted, leaves the shadow
without a verdict: approved again it has its whole time again.
"""

import dataclasses
import datetime
from typing import Any, TypedDict

from abtest.adapters import captures, registry
from abtest.adapters.shadows import Shadows
from abtest.experiment.evidence import shadow as comparison
from abtest.experiment.record.safety import ShadowConfig
from abtest.experiment.record.selection import APPROVED, REJECTED
from abtest.experiment.record.shadow import Pair, Shadow
from abtest.handlers.settings import ShadowSettings, logger, read


class Compared(TypedDict):
    """`judged` is whether the shadow is over; `message` says with which verdict, or what it waits for."""

    judged: bool
    message: str


def handler(event: dict[str, Any], _context: Any) -> Compared:
    settings, now = read(ShadowSettings), datetime.datetime.now(datetime.UTC)
    config = settings.experiment_config.shadow
    if config is None:
        return {"judged": True, "message": "The configuration has no shadow any more."}
    shadows = Shadows(settings.experiments_table_name, settings.endpoint_name)
    pair = Pair(**event["shadow"])
    found = shadows.get(pair)
    if found and found.passed is not None:
        return {"judged": True, "message": found.reason}
    if not _is_approved(pair, settings):
        shadows.forget(pair)
        return {"judged": True, "message": f"{pair.challenger_name} is not approved any more: its shadow ends."}
    return _compared(shadows, found or shadows.begun(pair, now), settings, config, now)


def _is_approved(pair: Pair, settings: ShadowSettings) -> bool:
    approved = registry.packages(settings.challenger_group_name, status=APPROVED)
    return pair.challenger_arn in [package.arn for package in approved]


def _compared(
    shadows: Shadows, shadow: Shadow, settings: ShadowSettings, config: ShadowConfig, now: datetime.datetime
) -> Compared:
    measured = _measured(settings, shadow, config, now)
    waiting = comparison.waits(measured, config, began=shadow.began_at, now=now)
    if waiting:
        return {"judged": False, "message": f"{shadow.pair.challenger_name} is in shadow: {waiting}."}
    verdict = comparison.judge(measured, config)
    logger.info("a shadow is judged", passed=verdict.passed, reason=verdict.reason, **dataclasses.asdict(measured))
    if not verdict.passed:
        registry.set_status(shadow.pair.challenger_arn, REJECTED, f"Shadow: {verdict.reason}")
    shadows.judge(shadow, verdict)
    return {"judged": True, "message": verdict.reason}


def _measured(
    settings: ShadowSettings, shadow: Shadow, config: ShadowConfig, now: datetime.datetime
) -> comparison.Measured:
    """Nothing before the time of a verdict: captures are read as a whole."""
    if now < config.ends_at(shadow.began_at):
        return comparison.Measured()
    return captures.measured(
        settings.bucket_name,
        settings.endpoint_name,
        shadow.pair.champion_name,
        shadow.pair.challenger_name,
        began=shadow.began_at,
        now=now,
    )
