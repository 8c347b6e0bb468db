"""One stage's configuration: `infra/config/{stage}.json`, described by `experiment.schema.json` beside it."""

import dataclasses
import json
from typing import Any

from abtest.experiment.record.checks import Check, ConfigError, checked, number, one_of, optional, text, whole
from abtest.experiment.record.safety import CanaryConfig, ShadowConfig
from abtest.experiment.record.strategies import STRATEGIES

__all__ = ["ConfigError", "ExperimentConfig", "VariantConfig"]

MOST_VARIANTS = 10  # production variants that one endpoint can hold
UNAUTHENTICATED_STAGES = ("dev", "demo")


MODES = ("earn_first", "learn_first")
OBJECTIVES = ("maximize", "minimize")
MANUAL, AUTOMATIC = "manual", "automatic"

instance_count = whole(1, 100)
instance_type = text(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type such as ml.m5.large")

VARIANT_CHECKS: dict[str, Check] = {
    "model_package_version": optional(whole(1, 10**9)),
    "variant_name": optional(
        text(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", "letters, digits and inner hyphens, at most 63 characters")
    ),
    "instance_count": optional(instance_count),
    "instance_type": optional(instance_type),
    # A variant that starts with no traffic would never end its burn-in.
    "initial_variant_weight": number(0, 1e6, above=True),
    # What costs more than the largest reward is never worth it.
    "cost": number(0, 1),
}


@dataclasses.dataclass(frozen=True)
class VariantConfig:
    """What is set by hand for one variant; None means the experiment's default.

    `cost` is what one invocation costs, in units of reward (0..1).
    """

    model_package_version: int | None = None
    variant_name: str | None = None
    instance_count: int | None = None
    instance_type: str | None = None
    initial_variant_weight: float = 1.0
    cost: float = 0.0

    @classmethod
    def from_json(cls, document: Any, key: str = "variant_config") -> "VariantConfig":
        """Raises ConfigError, with `key` before the name of the wrong key."""
        return cls(**checked(document, VARIANT_CHECKS, (), f"{key}."))


def champion(value: Any) -> VariantConfig:
    return VariantConfig() if value is None else VariantConfig.from_json(value, "champion_variant_config")


def challengers(value: Any) -> tuple[VariantConfig, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) >= MOST_VARIANTS:
        raise ValueError(f"a list of at most {MOST_VARIANTS - 1} variants")
    return tuple(
        VariantConfig.from_json(item, f"challenger_variant_config[{index}]") for index, item in enumerate(value)
    )


CHECKS: dict[str, Check] = {
    # CloudFormation's stacks are named after it, and begin with a letter.
    "project_name": text(
        r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", "lower-case letters, digits and inner hyphens, first a letter, at most 32"
    ),
    # With the longest project name an endpoint config's name then has 63 characters, SageMaker's limit. Without
    # a hyphen it is the last part of each name, so that no two projects make the same.
    "stage_name": text(r"[a-z0-9]{1,7}", "lower-case letters and digits, at most 7"),
    "strategy": one_of(*STRATEGIES),
    "mode": one_of(*MODES),
    "objective": one_of(*OBJECTIVES),
    "margin": optional(number(0, 1, above=True)),
    "time_limit_hours": optional(number(0, 10 * 366 * 24, above=True)),
    "epsilon": number(0, 1),
    "warmup": whole(0, 10**9),
    # The floor must leave something to share out on a full endpoint.
    "exploration_floor": number(0, 1 / MOST_VARIANTS),
    "attribution_window_seconds": whole(0, 30 * 24 * 3600),
    "alpha": number(0, 0.5, above=True),
    "joining_share": optional(number(0, 0.5, above=True)),
    "promotion": one_of(MANUAL, AUTOMATIC),
    "shadow": optional(ShadowConfig.from_json),
    "canary": optional(CanaryConfig.from_json),
    "promotion_approver": optional(
        text(r"[a-zA-Z0-9][a-zA-Z0-9 ._@+-]{0,63}", "a name of letters, digits, spaces and . _ @ + -, at most 64")
    ),
    "rebalance_schedule_minutes": optional(whole(5, 24 * 60)),
    "authentication": one_of("iam", "none"),
    "instance_count": instance_count,
    "instance_type": instance_type,
    "challenger_variant_count": whole(0, MOST_VARIANTS - 1),
    "champion_variant_config": champion,
    "challenger_variant_config": challengers,
}


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
    """How one stage's endpoint is built and its traffic moved.

    `epsilon` and `exploration_floor` are shares, `warmup` counts invocations per variant before shares move,
    `alpha` bounds the chance of a false decision, `margin` is the difference of mean rewards below which variants are
    equivalent (None: never), `time_limit_hours` ends the test without a decision (None: never),
    `rebalance_schedule_minutes` None means by hand only. `joining_share` is the traffic of each challenger that joins a
    running experiment (None: what its initial weight is worth). `shadow`, then `canary` is what each challenger has to
    pass first (None: nothing). `promotion` says who promotes a winner: somebody (manual) or the decision itself
    (automatic). A promoted winner is approved at once in the name of `promotion_approver` (None: it waits for an
    approval by hand).
    """

    project_name: str
    stage_name: str
    strategy: str = "Adaptive"
    mode: str = "earn_first"
    objective: str = "maximize"
    margin: float | None = None
    time_limit_hours: float | None = None
    epsilon: float = 0.1
    warmup: int = 20
    exploration_floor: float = 0.0
    attribution_window_seconds: int = 3600
    alpha: float = 0.05
    joining_share: float | None = None
    promotion: str = MANUAL
    shadow: ShadowConfig | None = None
    canary: CanaryConfig | None = None
    promotion_approver: str | None = None
    rebalance_schedule_minutes: int | None = 15
    authentication: str = "iam"
    instance_count: int = 1
    instance_type: str = "ml.m5.large"
    challenger_variant_count: int = 1
    champion_variant_config: VariantConfig = VariantConfig()
    challenger_variant_config: tuple[VariantConfig, ...] = ()

    @classmethod
    def from_json(cls, document: Any) -> "ExperimentConfig":
        """Raises ConfigError for the first wrong key or value, naming it and what it must be."""
        config = cls(**checked(document, CHECKS, ("project_name", "stage_name")))
        if config.authentication == "none" and config.stage_name not in UNAUTHENTICATED_STAGES:
            stages = " and ".join(UNAUTHENTICATED_STAGES)
            raise ConfigError(f'authentication: "none" is allowed only in the stages {stages}; say "iam"')
        config.refuse_duplicate_names()
        if config.shadow and (config.challenger_variant_count != 1 or len(config.challenger_variant_config) > 1):
            raise ConfigError(
                "shadow: SageMaker has one shadow variant beside one production variant: set challenger_variant_count "
                "to 1 and name at most one challenger, or leave shadow out"
            )
        if config.promotion == AUTOMATIC and config.pinned:
            raise ConfigError(
                f'{config.pinned[0]}: "promotion" is automatic, so no version can be named; remove either'
            )
        return config

    @classmethod
    def of_stage(cls, text: str, stage: str, project_name: str | None) -> "ExperimentConfig":
        """What the stage's file says; in a SageMaker project `project_name`, its name, takes the place of the file's.

        Raises ConfigError as `from_json`, and for text that is not JSON or another stage's.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"is not JSON: {error}") from None
        if project_name and isinstance(document, dict):
            document |= {"project_name": project_name}
        config = cls.from_json(document)
        if config.stage_name != stage:
            raise ConfigError(f"stage_name: must be {stage}, as the file's name, not {config.stage_name}")
        return config

    def refuse_duplicate_names(self) -> None:
        """Raises ConfigError if two variants are given the same name, which the JSON Schema cannot say."""
        variants = (self.champion_variant_config, *self.challenger_variant_config)
        names = [variant.variant_name for variant in variants if variant.variant_name]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigError(f'variant_name: "{twice[0]}" is given to two variants; give each its own')

    @property
    def pinned(self) -> tuple[str, ...]:
        """The keys that name a version to serve, whichever is the newest."""
        challengers = ((f"challenger_variant_config[{i}]", v) for i, v in enumerate(self.challenger_variant_config))
        variants = (("champion_variant_config", self.champion_variant_config), *challengers)
        return tuple(f"{key}.model_package_version" for key, v in variants if v.model_package_version is not None)

    @property
    def prefix(self) -> str:
        """What the names of the stage's resources begin with."""
        return f"{self.project_name}-{self.stage_name}"

    @property
    def endpoint_name(self) -> str:
        return f"sagemaker-{self.prefix}"

    @property
    def endpoint_prefix(self) -> str:
        """What the names of all endpoints begin with that the project's API and roles know."""
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
