"""What a challenger has to pass before the bandit moves its traffic."""

import dataclasses
import datetime
from typing import Annotated

from annotated_types import Ge, Gt, Le

from abtest.experiment.record.codec import Record
from abtest.experiment.record.settings import AS_WRITTEN


@dataclasses.dataclass(frozen=True)
class CanaryConfig(Record):
    """A canary: each challenger begins at a small, fixed share of the traffic, and alarms take it out.

    The alarms stand as long as the variant.
    """

    __pydantic_config__ = AS_WRITTEN

    share: Annotated[float, Gt(0), Le(0.5)] = 0.05
    """The share of traffic of each challenger during its canary, at most an equal part."""
    minutes: Annotated[float, Gt(0), Le(7 * 24 * 60)] = 30.0
    """How long the shares stay so from when the challenger came."""
    most_5xx_rate: Annotated[float, Ge(0), Le(1)] | None = 0.05
    """A challenger that fails more than this share of a minute's requests is taken out; null: never."""
    most_latency_ms: Annotated[float, Gt(0), Le(60_000)] | None = None
    """A challenger whose 90th percentile of latency is above this for three minutes is taken out; null: never."""

    def ends_at(self, now: datetime.datetime) -> datetime.datetime:
        """The end of the canary of a variant that comes `now`."""
        return now + datetime.timedelta(minutes=self.minutes)


@dataclasses.dataclass(frozen=True)
class ShadowConfig(Record):
    """Shadow testing: a challenger first answers copies of the champion's requests, which nobody sees.

    It passes after `minutes` and `least_requests` if it agrees, works and is fast enough.
    """

    __pydantic_config__ = AS_WRITTEN

    minutes: Annotated[float, Gt(0), Le(48 * 60)] = 60.0
    """How long at least."""
    least_requests: Annotated[int, Ge(1), Le(5000)] = 100
    """How many requests at least; after three days with fewer the challenger has not passed."""
    least_agreement: Annotated[float, Ge(0), Le(1)] = 0.8
    """The least share of requests to which both give the same label."""
    most_5xx_rate: Annotated[float, Ge(0), Le(1)] = 0.05
    """The greatest share of requests that the challenger may fail."""
    most_latency_ratio: Annotated[float, Gt(0), Le(1000)] = 3.0
    """The challenger's mean latency, at most this many times the champion's."""

    def ends_at(self, began: datetime.datetime) -> datetime.datetime:
        """The earliest time of a verdict on a shadow that `began` then."""
        return began + datetime.timedelta(minutes=self.minutes)
