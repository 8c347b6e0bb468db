"""The users that each Decision's shares assigned: how many went to which variant, and with which share."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from abtest.experiment.counting import columns

SHARE_DIGITS = 6  # more would fill the evidence of a long experiment and tell nothing


@dataclasses.dataclass(frozen=True)
class NewUsers:
    """Users whose variant one Decision's shares drew, by variant.

    `shares` (0..1) holds what each variant in `users` was drawn with; a variant that nobody got is in neither.
    """

    users: Mapping[str, int]
    shares: Mapping[str, float]

    @property
    def count(self) -> int:
        return sum(self.users.values())


class Drawn(NamedTuple):
    """Users whom a Decision's share (0..1) drew to a variant."""

    decision_id: str
    variant: str
    share: float
    users: int


def new_users(drawn: Iterable[Drawn]) -> tuple[NewUsers, ...]:
    """One for each Decision that assigned anybody, the oldest first.

    Users are sticky: only the first invocation of each was a draw, and it counts at once, its outcome open or not. One
    that does not say by which Decision and share it was drawn is left out.
    """
    users: dict[str, dict[str, int]] = {}
    shares: dict[str, dict[str, float]] = {}
    for decision_id, variant, share, count in drawn:
        of_decision = users.setdefault(decision_id, {})
        of_decision[variant] = of_decision.get(variant, 0) + count
        shares.setdefault(decision_id, {})[variant] = rounded(share)
    # Ids end in the Decision's number, of a fixed number of digits.
    return tuple(NewUsers(users[decision_id], shares[decision_id]) for decision_id in sorted(users))


def rounded(share: float) -> float:
    """To SHARE_DIGITS."""
    return float(f"{share:.{SHARE_DIGITS}g}")


def to_columns(intervals: Sequence[NewUsers]) -> dict[str, Any]:
    """Users and shares of each variant, one number a Decision."""
    return columns.to_columns(
        [{name: (count, interval.shares[name]) for name, count in interval.users.items()} for interval in intervals]
    )


def from_columns(document: Mapping[str, Any]) -> tuple[NewUsers, ...]:
    """The users that `to_columns` was given."""
    return tuple(
        NewUsers(
            {name: int(count) for name, (count, _) in cells.items()},
            {name: share for name, (_, share) in cells.items()},
        )
        for cells in columns.from_columns(document)
    )
