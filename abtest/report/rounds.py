"""Turns an experiment's Decisions into the rounds that the report shows."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from abtest.experiment.allocation.posterior import credible_interval
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import VariantCounts


@dataclasses.dataclass(frozen=True)
class Round:
    """The state after one Decision; number 0 is the start.

    `shares` (sum 1), `counts` and `probability_best` are by variant name; counts are those of closed cohorts.
    `e_values` and `effects` are the `leader`'s against each other variant.
    """

    number: int
    decided_at: str
    shares: Mapping[str, float]
    counts: Mapping[str, VariantCounts]
    probability_best: Mapping[str, float]
    reason: str
    leader: str | None = None
    e_values: Mapping[str, float] = dataclasses.field(default_factory=dict)
    e_value_threshold: float = math.inf
    effects: Mapping[str, Effect] = dataclasses.field(default_factory=dict)

    def trials(self, variant_name: str) -> int:
        return self._of(variant_name).invocation_count

    def reward(self, variant_name: str) -> float:
        return self._of(variant_name).reward_sum

    def interval(self, variant_name: str) -> tuple[float, float]:
        """Returns the middle 95 % of the Beta posterior of the variant's reward rate."""
        return credible_interval(self.trials(variant_name), self.reward(variant_name))

    @property
    def evidence(self) -> float | None:
        """The leader's e-value against the variant that it is least sure to beat; None before there is one."""
        return min(self.e_values.values(), default=None)

    def advantage(self, variant_name: str, over: str) -> Effect | None:
        """Returns by how much the variant is better than another; None where neither leads."""
        if variant_name == self.leader:
            return self.effects.get(over)
        found = self.effects.get(variant_name) if over == self.leader else None
        return found and Effect(-found.difference, -found.high, -found.low, found.level)

    def _of(self, variant_name: str) -> VariantCounts:
        return self.counts.get(variant_name, VariantCounts())


def rounds_of(decisions: Sequence[Decision]) -> list[Round]:
    """Returns round 0 with the initial shares, then one round a Decision. Raises ValueError for no Decision."""
    if not decisions:
        raise ValueError("decisions: there is none yet, so there is nothing to report")
    ordered = sorted(decisions, key=lambda decision: decision.number)
    first = ordered[0]
    names = list(first.old_shares)
    even = {name: 1 / len(names) for name in names}
    start = Round(0, "", dict(first.old_shares), {}, even, "The initial shares of the configuration.")
    return [start, *(_round(decision) for decision in ordered)]


def _round(decision: Decision) -> Round:
    return Round(
        number=decision.number,
        decided_at=decision.decided_at.isoformat(),
        shares=dict(decision.new_shares),
        counts=decision.counts,
        probability_best=decision.probability_best,
        reason=decision.reason,
        leader=decision.leader,
        e_values=decision.e_values,
        e_value_threshold=decision.e_value_threshold,
        effects=decision.effects,
    )
