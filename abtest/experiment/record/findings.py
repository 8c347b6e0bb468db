"""What a Decision says beside its shares: sizes of effects, and findings about the data's health."""

import dataclasses
from collections.abc import Mapping

from abtest.experiment.record.codec import Record


@dataclasses.dataclass(frozen=True)
class Effect(Record):
    """By how much the leader is better than another variant, in units of reward less cost (-2..2; above 0 is better).

    The interval from `low` to `high` holds the true difference, at all looks at once, with probability `level`.
    """

    difference: float
    low: float
    high: float
    level: float


WARNING = "warning"  # the comparison may be wrong


NOTICE = "notice"  # the comparison holds, but says less than it seems to


@dataclasses.dataclass(frozen=True)
class Finding(Record):
    """`severity` is `warning` or `notice`; `sentence` says what is wrong and what to do; `figures` are its numbers."""

    name: str
    severity: str
    sentence: str
    figures: Mapping[str, float]
