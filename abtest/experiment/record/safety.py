"""What a challenger has to pass before the bandit moves its traffic."""

import dataclasses
import datetime
from typing import Any

from abtest.experiment.record.checks import Check, checked, number, optional, whole

CANARY_CHECKS: dict[str, Check] = {
    "share": number(0, 0.5, above=True),
    "minutes": number(0, 7 * 24 * 60, above=True),
    "most_5xx_rate": optional(number(0, 1)),
    "most_latency_ms": optional(number(0, 60_000, above=True)),
}


@dataclasses.dataclass(frozen=True)
class CanaryConfig:
    """A small, fixed share of the traffic for every challenger that comes, and the alarms that take it out.

    `share` (at most an equal part) lasts for `minutes`. The alarms stand as long as the variant: more than
    `most_5xx_rate` (0..1) of a minute's requests fail, or the model's 90th percentile of latency is above
    `most_latency_ms` for three minutes. None: no such alarm.
    """

    share: float = 0.05
    minutes: float = 30.0
    most_5xx_rate: float | None = 0.05
    most_latency_ms: float | None = None

    @classmethod
    def from_json(cls, document: Any) -> "CanaryConfig":
        """Raises ConfigError, naming the key."""
        return cls(**checked(document, CANARY_CHECKS, (), "canary."))

    def ends_at(self, now: datetime.datetime) -> datetime.datetime:
        """For a variant that comes `now`."""
        return now + datetime.timedelta(minutes=self.minutes)


SHADOW_CHECKS: dict[str, Check] = {
    "minutes": number(0, 48 * 60, above=True),
    "least_requests": whole(1, 5000),
    "least_agreement": number(0, 1),
    "most_5xx_rate": number(0, 1),
    "most_latency_ratio": number(0, 1000, above=True),
}


@dataclasses.dataclass(frozen=True)
class ShadowConfig:
    """A challenger first answers copies of the champion's requests, which nobody sees.

    It passes after `minutes` and `least_requests` if its label is the champion's in at least the share
    `least_agreement` of them, at most the share `most_5xx_rate` fails, and its mean latency is at most
    `most_latency_ratio` times the champion's.
    """

    minutes: float = 60.0
    least_requests: int = 100
    least_agreement: float = 0.8
    most_5xx_rate: float = 0.05
    most_latency_ratio: float = 3.0

    @classmethod
    def from_json(cls, document: Any) -> "ShadowConfig":
        """Raises ConfigError, naming the key."""
        return cls(**checked(document, SHADOW_CHECKS, (), "shadow."))

    def ends_at(self, began: datetime.datetime) -> datetime.datetime:
        """The earliest time of a verdict."""
        return began + datetime.timedelta(minutes=self.minutes)
