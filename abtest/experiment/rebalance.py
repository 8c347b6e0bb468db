"""Counts to a Decision: new shares where the counts justify them, the old ones with the reason where they do not."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from abtest.experiment import times
from abtest.experiment.counts import Counts
from abtest.experiment.experiment import Experiment, decision_id
from abtest.experiment.variants import Shares, VariantCounts


@dataclasses.dataclass(frozen=True)
class Decision:
    """The record of one rebalance.

    `counts`, `probability_best`, `old_shares`, `new_shares` are by variant name. `value_remaining` is the 95th
    percentile of the relative gain still possible over the leader. `e_values` are the leader's against each other
    variant; it is decided once all reach `e_value_threshold`. `updated` says whether the shares changed; `reason` is
    a sentence.
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
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Decision":
        """The Decision that `to_json` wrote; numbers may be Decimals, other keys are ignored."""
        known = {field.name: document[field.name] for field in dataclasses.fields(cls)}
        value_remaining = known["value_remaining"]
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
            }
        )


def _floats(document: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in document.items()}
