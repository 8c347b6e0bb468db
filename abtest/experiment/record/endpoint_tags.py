"""The tags by which any endpoint takes part in tests, as published: `ab-testing:enabled` and its settings."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record.checks import Check, checked
from abtest.experiment.record.config import CHECKS, VARIANT_CHECKS

PREFIX = "ab-testing:"
STAGE = "sagemaker:deployment-stage"  # of projects with several stages: whose endpoint it is


def enabled(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def of_text(check: Check) -> Check:
    """The check of a number, for its text."""

    def check_text(text: str) -> Any:
        try:
            value: float | str = float(text)
        except ValueError:
            value = text
        return check(value)

    return check_text


TAG_CHECKS: dict[str, Check] = {
    "enabled": enabled,
    "champion": VARIANT_CHECKS["variant_name"],
    "strategy": CHECKS["strategy"],
    "epsilon": of_text(CHECKS["epsilon"]),
    "warmup": of_text(CHECKS["warmup"]),
}


@dataclasses.dataclass(frozen=True)
class EndpointTags:
    """What an endpoint's tags say; `settings` are keys of the configuration, only those that there is a tag for."""

    enabled: bool
    champion: str | None
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, tags: Mapping[str, str], stage_name: str) -> "EndpointTags":
        """Raises ConfigError, naming the wrong tag. An endpoint tagged for another stage is not enabled."""
        ours = {key.removeprefix(PREFIX): value for key, value in tags.items() if key.startswith(PREFIX)}
        values = checked(ours, TAG_CHECKS, (), PREFIX)
        is_ours = tags.get(STAGE, stage_name) == stage_name
        is_enabled, champion = values.pop("enabled", False), values.pop("champion", None)
        return cls(is_enabled and is_ours, champion, values)
