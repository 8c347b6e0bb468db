"""One stage's configuration: `infra/config/{stage}.json`, which `config_file` reads."""

import dataclasses
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, MaxLen

from abtest.experiment.record.codec import Record
from abtest.experiment.record.constraints import Text
from abtest.experiment.record.safety import CanaryConfig, ShadowConfig
from abtest.experiment.record.settings import AS_WRITTEN, MOST_VARIANTS, ExperimentSettings

AUTOMATIC = "automatic"  # the promotion of a winner by the decision itself

InstanceCount: TypeAlias = Annotated[int, Ge(1), Le(100)]
InstanceType: TypeAlias = Annotated[str, Text(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type such as ml.m5.large")]
VariantName: TypeAlias = Annotated[
    str,
    Text(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", "letters, digits and inner hyphens, at most 63 characters"),
]


class ConfigError(ValueError):
    """A key or value of the configuration is wrong; the message names the key and says what it must be."""


@dataclasses.dataclass(frozen=True)
class VariantConfig(Record):
    """What is set by hand for one variant."""

    __pydantic_config__ = AS_WRITTEN

    model_package_version: Annotated[int, Ge(1), Le(10**9)] | None = None
    """The version in its model package group; null: the newest approved one."""
    variant_name: VariantName | None = None
    """The variant's name; null: Champion or Challenger and the version."""
    instance_count: InstanceCount | None = None
    """Instances of this variant; null: as many as the stage's variants have."""
    instance_type: InstanceType | None = None
    """Instance type of this variant; null: the stage's."""
    # A variant that starts with no traffic would never end its burn-in.
    initial_variant_weight: Annotated[float, Gt(0), Le(1e6)] = 1.0
    """The weight relative to the other variants'; above 0, or the burn-in would never end."""
    # What costs more than the largest reward is never worth it.
    cost: Annotated[float, Ge(0), Le(1)] = 0.0
    """What one invocation costs, in units of reward; rewards less costs are compared."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig(ExperimentSettings):
    """How one stage's endpoint is built and its traffic moved."""

    __pydantic_config__ = AS_WRITTEN

    # CloudFormation's stacks are named after it, and begin with a letter.
    project_name: Annotated[
        str,
        Text(
            r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
            "lower-case letters, digits and inner hyphens, first a letter, at most 32",
        ),
    ]
    """The name that the names of all resources begin with, stacks among them."""
    # With the longest project name an endpoint config's name then has 63 characters, SageMaker's limit. Without
    # a hyphen it is the last part of each name, so that no two projects make the same.
    stage_name: Annotated[str, Text(r"[a-z0-9]{1,7}", "lower-case letters and digits, at most 7")]
    """The stage that this file configures."""
    joining_share: Annotated[float, Gt(0), Le(0.5)] | None = None
    """The share of traffic of each challenger that joins a running experiment, at most an equal part; null: what its
    initial weight is worth among all."""
    promotion: Literal["manual", "automatic"] = "manual"
    """manual: somebody promotes a winner with abtest promote; automatic: the decision does. Then no version may be
    named by hand."""
    shadow: ShadowConfig | None = None
    """A challenger first answers copies of the champion's requests, which nobody sees; exactly one challenger; null: no
    shadow."""
    canary: CanaryConfig | None = None
    """What each challenger that comes has to pass before the bandit moves its traffic; null: nothing."""
    promotion_approver: (
        Annotated[
            str,
            Text(
                r"[a-zA-Z0-9][a-zA-Z0-9 ._@+-]{0,63}",
                "a name of letters, digits, spaces and . _ @ + -, at most 64",
            ),
        ]
        | None
    ) = None
    """In whose name a promoted winner is approved at once; null: it waits for an approval by hand."""
    rebalance_schedule_minutes: Annotated[int, Ge(5), Le(24 * 60)] | None = 15
    """Minutes between rebalances; null: by hand only."""
    authentication: Literal["iam", "none"] = "iam"
    """Who may call the API: signed requests (iam) or anyone (none, only in the stages dev and demo)."""
    instance_count: InstanceCount = 1
    """Instances per variant."""
    instance_type: InstanceType = "ml.m5.large"
    """Instance type of every variant."""
    challenger_variant_count: Annotated[int, Ge(0), Le(MOST_VARIANTS - 1)] = 1
    """How many of the newest approved challengers take part."""
    champion_variant_config: VariantConfig = VariantConfig()
    """What is set by hand for the champion."""
    challenger_variant_config: Annotated[tuple[VariantConfig, ...], MaxLen(MOST_VARIANTS - 1)] = ()
    """What is set by hand for the challengers, in their order."""

    @property
    def settings(self) -> ExperimentSettings:
        """The settings that an experiment begins with."""
        fields = dataclasses.fields(ExperimentSettings)
        return ExperimentSettings(**{field.name: getattr(self, field.name) for field in fields})

    @property
    def pinned(self) -> tuple[str, ...]:
        """The keys that name a version to serve, whichever is the newest."""
        challengers = ((f"challenger_variant_config[{i}]", v) for i, v in enumerate(self.challenger_variant_config))
        variants = (("champion_variant_config", self.champion_variant_config), *challengers)
        return tuple(f"{key}.model_package_version" for key, v in variants if v.model_package_version is not None)

    @property
    def prefix(self) -> str:
        """The beginning of the names of the stage's resources."""
        return f"{self.project_name}-{self.stage_name}"

    @property
    def endpoint_name(self) -> str:
        return f"sagemaker-{self.prefix}"

    @property
    def endpoint_prefix(self) -> str:
        """The beginning of the names of all endpoints that the project's API and roles know."""
        return f"sagemaker-{self.project_name}-"

    @property
    def canary_share(self) -> float | None:
        return self.canary.share if self.canary else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for whoever deploys this configuration."""
        if self.authentication == "none":
            return ('authentication is "none": anyone who can reach the API can call the endpoint',)
        return ()
