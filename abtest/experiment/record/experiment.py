"""The record of one A/B test on one endpoint: what the API draws from and a rebalance starts from."""

import dataclasses
import datetime
from collections.abc import Mapping

from abtest.experiment.record.codec import INLINE, Record
from abtest.experiment.record.settings import ExperimentSettings
from abtest.experiment.record.variants import Shares, Variant, VariantCounts


@dataclasses.dataclass(frozen=True)
class Experiment(Record):
    """One experiment, from the champion that began it to its end.

    `variants` begins with the champion. `shares` are the current traffic shares by variant name (sum 1), set by the
    Decision `decision_id`, the `decision_count`-th (0: the initial shares). `counts` are those of the last rebalance
    and hold up to `counted_until`. `status` is `running`, `decided`, `equivalent` or `stopped`; `leader`, who won or
    keeps the traffic, is set once it is not `running`. `settings` are the configuration's when it began. `out` says of
    each variant that serves nobody why; the champion never is one. Until the time in `canary_until` a challenger is a
    canary, and the shares stay. `leaves` counts how often a variant that was compared left; variants are compared by
    the users whom the Decision number `compared_since` and later ones drew.

    Nothing in it grows with time: each request reads it.
    """

    experiment_id: str
    endpoint_name: str
    project: str
    stage: str
    champion_version: int
    settings: ExperimentSettings = dataclasses.field(metadata=INLINE)
    variants: tuple[Variant, ...]
    shares: Shares
    started_at: datetime.datetime
    decision_id: str = ""
    decision_count: int = 0
    status: str = "running"
    leader: str | None = None
    counts: dict[str, VariantCounts] | None = None
    counted_until: datetime.datetime | None = None
    out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    canary_until: Mapping[str, datetime.datetime] = dataclasses.field(default_factory=dict)
    leaves: int = 0
    compared_since: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError if the shares are not those of the variants; fills the initial `decision_id`."""
        names = {variant.variant_name for variant in self.variants}
        if names != set(self.shares) or len(names) != len(self.variants):
            raise ValueError(f"shares: must be one for each of {sorted(names)}, not {sorted(self.shares)}")
        if not self.decision_id:
            object.__setattr__(self, "decision_id", decision_id(self.experiment_id, self.decision_count))

    @property
    def variant_names(self) -> tuple[str, ...]:
        return tuple(variant.variant_name for variant in self.variants)

    @property
    def packages(self) -> dict[str, str]:
        """Model package ARNs by variant name."""
        return {variant.variant_name: variant.model_package_arn for variant in self.variants}

    @property
    def live(self) -> "Experiment":
        """The experiment between the variants that serve: what is compared and shared out."""
        if not self.out:
            return self
        names = [name for name in self.variant_names if name not in self.out]
        return dataclasses.replace(
            self,
            variants=tuple(variant for variant in self.variants if variant.variant_name in names),
            shares=Shares.of_weights({name: self.shares[name] for name in names}),
            out={},
        )


def experiment_id(project: str, stage: str, champion_version: int, counter: int) -> str:
    """`counter` tells apart the experiments that the same champion version began, from 1."""
    return f"{project}-{stage}-v{champion_version}-{counter}"


def decision_id(experiment: str, number: int) -> str:
    """The id of an experiment's `number`-th Decision; 0 stands for the initial shares."""
    return f"{experiment}-d{number:06d}"


MOST_DIGITS = 9  # of a Decision's number


def decision_number(decision_id: str) -> int:
    """The number in an id that `decision_id` made; -1 if it is none."""
    number = decision_id.rpartition("-d")[2]
    return int(number) if number.isdecimal() and len(number) <= MOST_DIGITS else -1


RUNNING, DECIDED, EQUIVALENT, STOPPED = "running", "decided", "equivalent", "stopped"
