"""The record of one A/B test on one endpoint: what the API draws from and a rebalance starts from."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record import times
from abtest.experiment.record.variants import Shares, Variant, VariantCounts


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One experiment, from the champion that began it to its end.

    `variants` begins with the champion. `shares` are the current traffic shares by variant name (sum 1), set by the
    Decision `decision_id`, the `decision_count`-th (0: the initial shares). `counts` are those of the last rebalance
    and hold up to `counted_until`. `status` is `running`, `decided`, `equivalent` or `stopped`; `leader`, who won or
    keeps the traffic, is set once it is not `running`. `mode`, `objective`, `margin` (units of reward) and
    `time_limit_hours` are the configuration's. `out` says of each variant that serves nobody why; the champion never is
    one. Until the time in `canary_until` a challenger is a canary, and the shares stay.

    Nothing in it grows with time: each request reads it.
    """

    experiment_id: str
    endpoint_name: str
    project: str
    stage: str
    champion_version: int
    strategy: str
    variants: tuple[Variant, ...]
    shares: Shares
    started_at: datetime.datetime
    epsilon: float = 0.1
    warmup: int = 0
    exploration_floor: float = 0.0
    alpha: float = 0.05
    mode: str = "earn_first"
    objective: str = "maximize"
    margin: float | None = None
    time_limit_hours: float | None = None
    attribution_window_seconds: int = 0
    decision_id: str = ""
    decision_count: int = 0
    status: str = "running"
    leader: str | None = None
    counts: dict[str, VariantCounts] | None = None
    counted_until: datetime.datetime | None = None
    out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    canary_until: Mapping[str, datetime.datetime] = dataclasses.field(default_factory=dict)

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

    def to_json(self) -> dict[str, Any]:
        """A JSON document: times as text, nothing but dicts, lists, strings and numbers."""
        document = dataclasses.asdict(self)
        document["variants"] = [variant.to_json() for variant in self.variants]
        document["shares"] = dict(self.shares)
        document["started_at"] = times.to_text(self.started_at)
        document["counts"] = self.counts and {name: counts.to_json() for name, counts in self.counts.items()}
        document["counted_until"] = self.counted_until and times.to_text(self.counted_until)
        document["canary_until"] = {name: times.to_text(time) for name, time in self.canary_until.items()}
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Experiment":
        """The experiment that `to_json` wrote; numbers may be Decimals, as in DynamoDB; other keys are ignored."""
        known = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
        counted_until, counts = known.get("counted_until"), known.get("counts")
        known |= {name: kind(known[name]) for name, kind in NUMBERS.items() if known.get(name) is not None}
        known["variants"] = tuple(Variant.from_json(item) for item in known["variants"])
        known["shares"] = Shares({name: float(share) for name, share in known["shares"].items()})
        known["started_at"] = times.from_text(known["started_at"])
        known["counts"] = counts and {name: VariantCounts.from_json(item) for name, item in counts.items()}
        known["counted_until"] = counted_until and times.from_text(counted_until)
        ends = known.get("canary_until", {})
        known["canary_until"] = {name: times.from_text(text) for name, text in ends.items()}
        return cls(**known)


NUMBERS: dict[str, type[int] | type[float]] = {
    "champion_version": int,
    "epsilon": float,
    "warmup": int,
    "exploration_floor": float,
    "alpha": float,
    "margin": float,
    "time_limit_hours": float,
    "attribution_window_seconds": int,
    "decision_count": int,
}


def experiment_id(project: str, stage: str, champion_version: int, counter: int) -> str:
    """`counter` tells apart the experiments that the same champion version began, from 1."""
    return f"{project}-{stage}-v{champion_version}-{counter}"


def decision_id(experiment: str, number: int) -> str:
    """The id of an experiment's `number`-th Decision; 0 stands for the initial shares."""
    return f"{experiment}-d{number:06d}"


RUNNING, DECIDED, EQUIVALENT, STOPPED = "running", "decided", "equivalent", "stopped"
