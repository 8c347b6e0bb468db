"""Which variants an experiment should hold, and what that makes of the one that runs."""

import dataclasses
import datetime
import math
from collections.abc import Mapping

from abtest.experiment.record.codec import Record
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.variants import Shares, Variant


class PlanError(Exception):
    """The variants cannot join the running experiment; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class PlannedVariant(Record):
    """One variant to serve.

    `initial_weight` (> 0) is relative to the other variants'; `cost` (0..1) is of one invocation, in units of reward.
    """

    variant_name: str
    model_package_arn: str
    initial_weight: float
    cost: float = 0.0


@dataclasses.dataclass(frozen=True)
class Plan(Record):
    """The champion first, then the challengers."""

    champion_version: int
    variants: tuple[PlannedVariant, ...]

    @property
    def packages(self) -> dict[str, str]:
        """Model package ARNs by variant name."""
        return {variant.variant_name: variant.model_package_arn for variant in self.variants}

    @property
    def initial_shares(self) -> Shares:
        return Shares.of_weights({variant.variant_name: variant.initial_weight for variant in self.variants})

    def continues(self, experiment: Experiment) -> bool:
        """Whether the champion is the one that began `experiment`: another one begins a new experiment."""
        champion = self.variants[0].model_package_arn
        return self.champion_version == experiment.champion_version and champion in experiment.packages.values()

    def continued(self, *experiments: Experiment | None) -> Experiment | None:
        """The first of these experiments that the plan continues; None if it begins a new one."""
        return next((experiment for experiment in experiments if experiment and self.continues(experiment)), None)

    def shares(
        self, experiment: Experiment | None, joining_share: float | None = None, canary_share: float | None = None
    ) -> Shares:
        """The traffic to start with: the initial weights', or that of the running experiment.

        A challenger that joins gets `joining_share`, at most an equal part (None: what its initial weight is worth
        among all); the others keep their proportions. `canary_share` is stronger, and holds also where an experiment
        begins. Raises PlanError.
        """
        if experiment is None or not self.continues(experiment):
            return self._beginning(canary_share)
        self._refuse_reused_names(experiment)
        if set(experiment.shares) == set(self.packages):
            return experiment.shares
        staying = {name: share for name, share in experiment.shares.items() if name in self.packages}
        return self._scaled(staying, canary_share or joining_share, experiment.out)

    def _beginning(self, canary_share: float | None) -> Shares:
        champion, *challengers = self.packages
        if canary_share is None or not challengers:
            return self.initial_shares
        each = min(canary_share, 1 / len(self.variants))
        return Shares({champion: 1 - each * len(challengers), **dict.fromkeys(challengers, each)})

    def _scaled(self, staying: dict[str, float], joining_share: float | None, out: Mapping[str, str]) -> Shares:
        initial = self.initial_shares
        given = None if joining_share is None else min(joining_share, 1 / len(initial))
        joining = {name: given or share for name, share in initial.items() if name not in staying}
        if math.fsum(staying.values()) == 0:  # all traffic was with a challenger that leaves
            staying = {name: 0.0 if name in out else initial[name] for name in staying}
        scale = (1 - math.fsum(joining.values())) / math.fsum(staying.values())
        return Shares.of_weights({name: joining.get(name, staying.get(name, 0.0) * scale) for name in initial})

    def _refuse_reused_names(self, experiment: Experiment) -> None:
        for variant in experiment.variants:
            package = self.packages.get(variant.variant_name, variant.model_package_arn)
            if package != variant.model_package_arn:
                raise PlanError(
                    f"{variant.variant_name} stands for {variant.model_package_arn} in the experiment "
                    f"{experiment.experiment_id}: give {package} another variant_name."
                )

    def joined(self, experiment: Experiment, now: datetime.datetime) -> tuple[Variant, ...]:
        """The planned variants; those that join do so `now`."""
        known = {variant.variant_name: variant for variant in experiment.variants}
        return tuple(known.get(variant.variant_name) or begun(variant, now) for variant in self.variants)


def begun(variant: PlannedVariant, now: datetime.datetime) -> Variant:
    return Variant(variant.variant_name, variant.model_package_arn, variant.initial_weight, now, variant.cost)
