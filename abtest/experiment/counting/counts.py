"""What an experiment's events come to; `counting` makes it of them."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from abtest.experiment.counting import columns, new_users
from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.record import times
from abtest.experiment.record.variants import VariantCounts

Trials: TypeAlias = tuple[int, float]  # trials and the sum of their rewards


@dataclasses.dataclass(frozen=True)
class Interval:
    """What closed between two Decisions, by variant.

    `first_outcomes` holds one randomised trial per user, the first, with the reward known at `ended_at` and never
    changed later, as the always-valid test demands.
    """

    ended_at: datetime.datetime
    first_outcomes: Mapping[str, Trials]


def _to_json(history: Sequence[Interval]) -> dict[str, Any]:
    return {
        "ended_at": columns.to_steps(interval.ended_at for interval in history),
        "first_outcomes": columns.to_columns([interval.first_outcomes for interval in history]),
    }


def _from_json(document: Mapping[str, Any]) -> tuple[Interval, ...]:
    ends = columns.from_steps(document["ended_at"])
    first = columns.from_columns(document["first_outcomes"], len(ends))
    return tuple(Interval(end, _whole(users)) for end, users in zip(ends, first, strict=True))


def _whole(cells: Mapping[str, Cell]) -> dict[str, Trials]:
    return {name: (int(trials), reward) for name, (trials, reward) in cells.items()}


@dataclasses.dataclass(frozen=True)
class Counts:
    """What an experiment's events come to at `as_of`.

    `variants` holds every variant that served randomised traffic; `history` has an interval per earlier Decision and
    one up to `as_of`; `new_users` says whom each Decision's shares assigned; `apart` counts invocations by strategy
    where nobody drew the variant (Manual, Fallback).
    """

    experiment_id: str
    as_of: datetime.datetime
    variants: Mapping[str, VariantCounts]
    history: tuple[Interval, ...]
    new_users: tuple[NewUsers, ...] = ()
    apart: Mapping[str, int] = dataclasses.field(default_factory=dict)
    late_conversion_count: int = 0
    orphan_conversion_count: int = 0
    malformed_line_count: int = 0
    reward_out_of_range_count: int = 0  # of the malformed lines, those refused for their reward
    foreign_event_count: int = 0
    weighted_history: tuple[Mapping[str, Cell], ...] = ()

    def of(self, variant_name: str) -> VariantCounts:
        """Zeros for a variant that served nobody yet."""
        return self.variants.get(variant_name, VariantCounts())

    def to_json(self) -> dict[str, Any]:
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return document | {
            "as_of": times.to_text(self.as_of),
            "variants": {name: counts.to_json() for name, counts in self.variants.items()},
            "history": _to_json(self.history),
            "weighted_history": columns.to_columns(self.weighted_history),
            "new_users": new_users.to_json(self.new_users),
            "apart": dict(self.apart),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Counts":
        known = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
        known["as_of"] = times.from_text(known["as_of"])
        known["variants"] = {name: VariantCounts.from_json(item) for name, item in known["variants"].items()}
        known["history"] = _from_json(known["history"])
        known["weighted_history"] = tuple(columns.from_columns(known["weighted_history"], len(known["history"])))
        known["new_users"] = new_users.from_json(known.get("new_users", {}))
        return cls(**known)
