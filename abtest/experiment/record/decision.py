"""The record of one rebalance, and the experiment once it is applied."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import NamedTuple

from abtest.experiment.record.codec import INLINE, Record
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.findings import Effect, Finding
from abtest.experiment.record.settings import ExperimentSettings
from abtest.experiment.record.variants import Shares, VariantCounts


class Boundary(NamedTuple):
    """What later counts need of a Decision: up to when it counted, and the shares (0..1 by variant) that it found."""

    as_of: datetime.datetime
    old_shares: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Decision(Record):
    """The record of one rebalance.

    `counts`, `probability_best` (of those not out, as the strategy believes), `old_shares`, `new_shares` are by variant
    name. `value_remaining` is the 95th percentile of the relative gain of utility still possible over the leader.
    `e_values` are the leader's against each other variant; it is decided once all reach `e_value_threshold`. `leader`
    is the winner once decided, the champion once equivalent, else who is most probably the best. `updated` says whether
    the shares changed; `reason` is a sentence, and `guarantee` says in sentences what the status is worth. `effects`
    are by how much the leader is better than each other variant that it shares an interval with, in units of reward
    less cost; so is the margin. `findings` are what to know of the data's health before the rest is believed. Of
    Decisions that earlier versions wrote some `settings` are unknown and have their defaults.
    """

    decision_id: str
    number: int
    experiment_id: str
    endpoint_name: str
    decided_at: datetime.datetime
    as_of: datetime.datetime
    settings: ExperimentSettings = dataclasses.field(metadata=INLINE)
    old_shares: Shares
    new_shares: Shares
    counts: Mapping[str, VariantCounts]
    probability_best: Mapping[str, float]
    value_remaining: float | None
    e_values: Mapping[str, float]
    e_value_threshold: float
    status: str
    leader: str
    reason: str
    updated: bool
    effects: Mapping[str, Effect] = dataclasses.field(default_factory=dict)
    guarantee: str = ""
    findings: tuple[Finding, ...] = ()


def after(experiment: Experiment, decision: Decision) -> Experiment:
    """The experiment once `decision` is applied."""
    return dataclasses.replace(
        experiment,
        shares=decision.new_shares,
        decision_id=decision.decision_id,
        decision_count=decision.number,
        status=decision.status,
        leader=decision.leader if decision.status in ("decided", "equivalent") else None,
        counts=dict(decision.counts),
        counted_until=decision.as_of,
    )


def follows(decision: Decision, experiment: Experiment) -> bool:
    same = decision.experiment_id == experiment.experiment_id
    return same and decision.number == experiment.decision_count + 1
