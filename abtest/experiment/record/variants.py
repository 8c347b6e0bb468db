"""Variants of an endpoint, what they counted, and the shares of traffic between them."""

import dataclasses
import datetime
import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from abtest.experiment.record.codec import Record


@dataclasses.dataclass(frozen=True)
class Variant(Record):
    """One production variant on trial.

    `initial_weight` (> 0) is relative to the other variants'; `cost` (0..1) is of one invocation, in units of reward.
    """

    variant_name: str
    model_package_arn: str
    initial_weight: float
    joined_at: datetime.datetime
    cost: float = 0.0

    def __post_init__(self) -> None:
        if not self.variant_name:
            raise ValueError("variant_name: must not be empty")
        if not (math.isfinite(self.initial_weight) and self.initial_weight > 0):
            raise ValueError(f"initial_weight: must be above 0, not {self.initial_weight}")
        if not 0 <= self.cost <= 1:
            raise ValueError(f"cost: must be from 0 to 1, not {self.cost}")


@dataclasses.dataclass(frozen=True)
class VariantCounts(Record):
    """What one variant's randomised traffic brought.

    Invocations, conversions and reward of closed cohorts (attribution window over); the same still pending; and by
    user, as the test, shares and P(best) take them: `user_count` users whose outcome is known, and `user_mean_sum` of
    these outcomes, a user's mean reward.
    """

    invocation_count: int = 0
    conversion_count: int = 0
    reward_sum: float = 0.0
    pending_invocation_count: int = 0
    pending_conversion_count: int = 0
    pending_reward_sum: float = 0.0
    user_count: int = 0
    user_mean_sum: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for negative counts or a reward above the number of trials."""
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name}: must not be negative")
        if self.reward_sum > self.invocation_count:
            raise ValueError("reward_sum: must not exceed the number of trials")


class Shares(Mapping[str, float]):
    """Traffic shares by variant name, each 0..1, of sum 1 (to 1e-6; kept as given). Immutable."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        """Raises ValueError if there is none, one is out of range or their sum is not 1."""
        if not shares:
            raise ValueError("shares: must name at least one variant")
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"shares: {name} must have 0 to 1, not {share}")
        if abs(math.fsum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"shares: must sum to 1, not {math.fsum(shares.values())}")
        self._shares = dict(shares)

    @classmethod
    def of_weights(cls, weights: Mapping[str, float]) -> "Shares":
        """Shares in proportion to `weights` (>= 0, not all 0)."""
        total = math.fsum(weights.values())
        if not (math.isfinite(total) and total > 0):
            raise ValueError("weights: must sum to more than 0")
        return cls({name: weight / total for name, weight in weights.items()})

    def __getitem__(self, name: str) -> float:
        return self._shares[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shares)

    def __len__(self) -> int:
        return len(self._shares)

    def __repr__(self) -> str:
        return f"Shares({self._shares})"


Trials: TypeAlias = tuple[float, float]  # trials of an arm, and the sum of their rewards, 0 to trials
