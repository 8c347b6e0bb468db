"""The tags by which any endpoint takes part in tests, as published: `ab-testing:enabled` and its settings."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record.config import VariantName
from abtest.experiment.record.settings import AS_WRITTEN, Epsilon, Strategy, Warmup

PREFIX = "ab-testing:"
STAGE = "sagemaker:deployment-stage"  # of projects with several stages: whose endpoint it is


@dataclasses.dataclass(frozen=True)
class _Tags:
    __pydantic_config__ = AS_WRITTEN

    enabled: bool = False
    champion: VariantName | None = None
    strategy: Strategy | None = None
    epsilon: Epsilon | None = None
    warmup: Warmup | None = None


@dataclasses.dataclass(frozen=True)
class EndpointTags:
    """An endpoint's wishes; `settings` are those of the experiment's settings that there is a tag for."""

    enabled: bool
    champion: str | None
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, tags: Mapping[str, str], stage_name: str) -> "EndpointTags":
        """Raises ConfigError, naming the wrong tag. An endpoint tagged for another stage is not enabled."""
        ours = {key.removeprefix(PREFIX): _value(text) for key, text in tags.items() if key.startswith(PREFIX)}
        if not ours:
            return cls(False, None, {})
        from abtest.experiment.record.config_file import validated  # loads pydantic, for tags only

        given = dataclasses.asdict(validated(_Tags, ours, PREFIX))
        is_enabled, champion = given.pop("enabled"), given.pop("champion")
        is_ours = tags.get(STAGE, stage_name) == stage_name
        return cls(is_enabled and is_ours, champion, {key: value for key, value in given.items() if key in ours})


def _value(text: str) -> Any:
    """The number or truth value that a tag's text says, in whatever case; else the text."""
    try:
        value = json.loads(text.lower())
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
