"""What an experiment's events come to; `counting` makes it of them."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from abtest.experiment.counting import columns
from abtest.experiment.counting.columns import Cell
from abtest.experiment.counting.new_users import NewUsers, from_columns, to_columns
from abtest.experiment.record.codec import As, Record
from abtest.experiment.record.variants import VariantCounts

Trials: TypeAlias = tuple[int, float]  # trials and the sum of their rewards


@dataclasses.dataclass(frozen=True)
class Interval:
    """What closed between two Decisions.

    `batches` holds one randomised trial for each user, by the number of the Decision whose shares drew the user and by
    variant, with the reward known at `ended_at` and never changed later, as the always-valid test demands.
    """

    ended_at: datetime.datetime
    batches: Mapping[int, Mapping[str, Trials]]

    @property
    def outcomes(self) -> dict[str, Trials]:
        """By variant, whichever Decision drew the user."""
        found: dict[str, Trials] = {}
        for batch in self.batches.values():
            for name, (trials, reward) in batch.items():
                before = found.get(name, (0, 0.0))
                found[name] = (before[0] + trials, before[1] + reward)
        return found


def _write_history(history: Sequence[Interval]) -> dict[str, Any]:
    batches = [(place, *batch) for place, interval in enumerate(history) for batch in interval.batches.items()]
    return {
        "ended_at": columns.to_steps(interval.ended_at for interval in history),
        "batches": {
            "interval": [place for place, _, _ in batches],
            "decision": [number for _, number, _ in batches],
            "outcomes": columns.to_columns([outcomes for _, _, outcomes in batches]),
        },
    }


def _read_history(document: Mapping[str, Any]) -> tuple[Interval, ...]:
    ends = columns.from_steps(document["ended_at"])
    batches: list[dict[int, dict[str, Trials]]] = [{} for _ in ends]
    if "batches" in document:  # version 0.1 did not tell by which Decision users were drawn
        found = document["batches"]
        outcomes = columns.from_columns(found["outcomes"])
        for place, number, cells in zip(found["interval"], found["decision"], outcomes, strict=True):
            batches[place][number] = {name: (int(trials), reward) for name, (trials, reward) in cells.items()}
    return tuple(Interval(end, batch) for end, batch in zip(ends, batches, strict=True))


def write_shares(shares: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Columns, which `read_shares` reads."""
    return columns.to_columns([{name: (share, 0.0) for name, share in one.items()} for one in shares])


def read_shares(document: Mapping[str, Any]) -> tuple[dict[str, float], ...]:
    """The shares that `write_shares` was given, without those of 0."""
    return tuple({name: share for name, (share, _) in one.items()} for one in columns.from_columns(document))


@dataclasses.dataclass(frozen=True)
class Counts(Record):
    """What an experiment's events come to at `as_of`.

    `variants` holds every variant that served randomised traffic; `history` has an interval per earlier Decision and
    one up to `as_of`; `shares` are those that each Decision set, by its number, the initial ones first; `new_users`
    says whom each Decision's shares assigned; `apart` counts invocations by strategy where nobody drew the variant
    (Manual, Fallback).
    """

    experiment_id: str
    as_of: datetime.datetime
    variants: Mapping[str, VariantCounts]
    history: Annotated[tuple[Interval, ...], As(_write_history, _read_history)]
    shares: Annotated[tuple[Mapping[str, float], ...], As(write_shares, read_shares)] = ()
    new_users: Annotated[tuple[NewUsers, ...], As(to_columns, from_columns)] = ()
    apart: Mapping[str, int] = dataclasses.field(default_factory=dict)
    late_conversion_count: int = 0
    orphan_conversion_count: int = 0
    malformed_line_count: int = 0
    reward_out_of_range_count: int = 0  # of the malformed lines, those refused for their reward
    foreign_event_count: int = 0
    heaviest_user_count: int = 0  # invocations of the user who has most
    weighted_history: Annotated[tuple[Mapping[str, Cell], ...], As(columns.to_columns, columns.from_columns)] = ()

    def batches(self, since: int = 0) -> Iterator[tuple[Mapping[str, Trials], Mapping[str, float]]]:
        """Users' outcomes and the shares that drew them, in the order in which the users entered.

        Only users of the Decision number `since` and later ones; those of whose Decision the shares are not known are
        left out.
        """
        known = range(since, len(self.shares))
        for interval in self.history:
            for number in sorted(interval.batches):
                if number in known:
                    yield interval.batches[number], self.shares[number]

    def of(self, variant_name: str) -> VariantCounts:
        """Zeros for a variant that served nobody yet."""
        return self.variants.get(variant_name, VariantCounts())
