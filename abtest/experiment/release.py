"""What a challenger has to pass before the bandit moves its traffic."""

import dataclasses
import datetime
from typing import Any

from abtest.experiment.checks import Check, checked, number, optional

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
