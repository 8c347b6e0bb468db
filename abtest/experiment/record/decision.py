"""The record of one rebalance, and the experiment once it is applied."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record import times
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.findings import Effect, Finding
from abtest.experiment.record.variants import Shares, VariantCounts


@dataclasses.dataclass(frozen=True)
class Decision:
    """The record of one rebalance.

    `counts`, `probability_best` (of those not out, as the strategy believes), `old_shares`, `new_shares` are by variant
    name. `value_remaining` is the 95th percentile of the relative gain of utility still possible over the leader.
    `e_values` are the leader's against each other variant; it is decided once all reach `e_value_threshold`. `leader`
    is the winner once decided, the champion once equivalent, else who is most probably the best. `updated` says whether
    the shares changed; `reason` is a sentence, and `guarantee` says in sentences what the status is worth. `effects`
    are by how much the leader is better than each other variant that it shares an interval with, in units of reward
    less cost; so is `margin`. `findings` are what to know of the data's health before the rest is believed.
    """

    decision_id: str
    number: int
    experiment_id: str
    endpoint_name: str
    decided_at: datetime.datetime
    as_of: datetime.datetime
    strategy: str
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
    mode: str = "earn_first"
    objective: str = "maximize"
    margin: float | None = None
    alpha: float = 0.05
    effects: Mapping[str, Effect] = dataclasses.field(default_factory=dict)
    guarantee: str = ""
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON document: times as text, numbers, strings, dicts; keys as the fields."""
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return document | {
            "decided_at": times.to_text(self.decided_at),
            "as_of": times.to_text(self.as_of),
            "old_shares": dict(self.old_shares),
            "new_shares": dict(self.new_shares),
            "counts": {name: counts.to_json() for name, counts in self.counts.items()},
            "probability_best": dict(self.probability_best),
            "e_values": dict(self.e_values),
            "effects": {name: dataclasses.asdict(effect) for name, effect in self.effects.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Decision":
        """The Decision that `to_json` wrote; numbers may be Decimals, other keys are ignored.

        The fields with a default may be missing: earlier versions did not write them.
        """
        known = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
        value_remaining, margin = known["value_remaining"], known.get("margin")
        return cls(
            **known
            | {
                "number": int(known["number"]),
                "decided_at": times.from_text(known["decided_at"]),
                "as_of": times.from_text(known["as_of"]),
                "old_shares": Shares(_floats(known["old_shares"])),
                "new_shares": Shares(_floats(known["new_shares"])),
                "counts": {name: VariantCounts.from_json(item) for name, item in known["counts"].items()},
                "probability_best": _floats(known["probability_best"]),
                "value_remaining": None if value_remaining is None else float(value_remaining),
                "e_values": _floats(known["e_values"]),
                "e_value_threshold": float(known["e_value_threshold"]),
                "margin": None if margin is None else float(margin),
                "alpha": float(known.get("alpha", 0.05)),
                "effects": {name: Effect(**_floats(item)) for name, item in known.get("effects", {}).items()},
                "findings": tuple(Finding.from_json(item) for item in known.get("findings", ())),
            }
        )


def _floats(document: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in document.items()}


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
