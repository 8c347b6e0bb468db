"""What an experiment's events come to; `counting` makes it of them."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from abtest.experiment.counting import columns
from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.new_users import NewUsers, from_columns, to_columns
from abtest.experiment.record.codec import As, Record
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


def _write_history(history: Sequence[Interval]) -> dict[str, Any]:
    return {
        "ended_at": columns.to_steps(interval.ended_at for interval in history),
        "first_outcomes": columns.to_columns([interval.first_outcomes for interval in history]),
    }


def _read_history(document: Mapping[str, Any]) -> tuple[Interval, ...]:
    pairs = zip(columns.from_steps(document["ended_at"]), columns.from_columns(document["first_outcomes"]), strict=True)
    return tuple(
        Interval(end, {name: (int(trials), reward) for name, (trials, reward) in users.items()}) for end, users in pairs
    )


@dataclasses.dataclass(frozen=True)
class Counts(Record):
    """What an experiment's events come to at `as_of`.

    `variants` holds every variant that served randomised traffic; `history` has an interval per earlier Decision and
    one up to `as_of`; `new_users` says whom each Decision's shares assigned; `apart` counts invocations by strategy
    where nobody drew the variant (Manual, Fallback).
    """

    experiment_id: str
    as_of: datetime.datetime
    variants: Mapping[str, VariantCounts]
    history: Annotated[tuple[Interval, ...], As(_write_history, _read_history)]
    new_users: Annotated[tuple[NewUsers, ...], As(to_columns, from_columns)] = ()
    apart: Mapping[str, int] = dataclasses.field(default_factory=dict)
    late_conversion_count: int = 0
    orphan_conversion_count: int = 0
    malformed_line_count: int = 0
    reward_out_of_range_count: int = 0  # of the malformed lines, those refused for their reward
    foreign_event_count: int = 0
    weighted_history: Annotated[tuple[Mapping[str, Cell], ...], As(columns.to_columns, columns.from_columns)] = ()

    def of(self, variant_name: str) -> VariantCounts:
        """Zeros for a variant that served nobody yet."""
        return self.variants.get(variant_name, VariantCounts())
