"""Judges a shadow by what champion and shadow answered, once there is enough of it.

A challenger that does not pass is rejected in the registry, with the figures as the note, before the verdict is
written: approved again by hand it may serve all the same. One that somebody else rejects or deletes meanwhile leaves
the shadow without a verdict: approved again it has its whole time again.
"""

import dataclasses
import datetime

from abtest.adapters import captures, metrics, registry, shadows
from abtest.adapters.table import Table
from abtest.experiment.evidence.shadow_comparison import ShadowMeasurement, compared, judge, waits
from abtest.experiment.record import times
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.safety import ShadowConfig
from abtest.experiment.record.selection import APPROVED, REJECTED
from abtest.experiment.record.shadow import Pair, Shadow


def compare_shadow(
    table: Table,
    pair: Pair,
    config: ExperimentConfig,
    *,
    challenger_group_name: str,
    bucket_name: str,
    now: datetime.datetime,
) -> tuple[bool, str]:
    """Begins the pair's shadow on the stage's endpoint, waits for its end, or judges it: whichever is next.

    Returns whether the shadow is over, and a sentence: with which verdict, or what it waits for.
    """
    endpoint_name, shadowing = config.endpoint_name, config.shadow
    if shadowing is None:
        return True, "The configuration has no shadow any more."
    found = shadows.get(table, endpoint_name, pair)
    if found and found.passed is not None:
        return True, found.reason
    if pair.challenger_arn not in [
        package.arn for package in registry.packages(challenger_group_name, status=APPROVED)
    ]:
        table.attempt([shadows.restart(endpoint_name, pair)])
        return True, f"{pair.challenger_name} is not approved any more: its shadow ends."
    shadow = found or _begun(table, endpoint_name, pair, now)
    measured = _measured(endpoint_name, shadow, shadowing, bucket_name, now)
    if waiting := waits(measured, shadowing, began=shadow.began_at, now=now):
        return False, f"{pair.challenger_name} is in shadow: {waiting}."
    verdict = judge(measured, shadowing)
    if not verdict.passed:
        registry.set_status(pair.challenger_arn, REJECTED, f"Shadow: {verdict.reason}")
    judged = dataclasses.replace(shadow, passed=verdict.passed, reason=verdict.reason)
    table.attempt([shadows.judge(endpoint_name, judged)])
    return True, verdict.reason


def _begun(table: Table, endpoint_name: str, pair: Pair, now: datetime.datetime) -> Shadow:
    """The pair's shadow, which begins `now` unless another execution began it meanwhile."""
    fresh = Shadow(pair, times.truncated(now))
    if table.attempt([shadows.begin(endpoint_name, fresh)]):
        return fresh
    return shadows.get(table, endpoint_name, pair) or _begun(table, endpoint_name, pair, now)


def _measured(
    endpoint_name: str, shadow: Shadow, config: ShadowConfig, bucket_name: str, now: datetime.datetime
) -> ShadowMeasurement:
    """Nothing before the time of a verdict: captures are read as a whole."""
    began, names = shadow.began_at, (shadow.pair.champion_name, shadow.pair.challenger_name)
    if now < config.ends_at(began):
        return ShadowMeasurement()
    answers = captures.answers(bucket_name, endpoint_name, names, began=began, now=now)
    pairs, agreeing = compared(*answers)
    errors, _ = metrics.total("Invocation5XXErrors", endpoint_name, names[1], began=began, now=now)
    latencies = [metrics.latency_ms(endpoint_name, name, began=began, now=now) for name in names]
    return ShadowMeasurement(pairs, agreeing, round(errors), *latencies)
