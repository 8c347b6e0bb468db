"""A challenger in shadow: which champion's requests it answers, since when, and its verdict."""

import dataclasses
import datetime

from abtest.experiment.record.codec import INLINE, Record


@dataclasses.dataclass(frozen=True)
class Pair(Record):
    """A challenger that shadows a champion: the names of both variants and the ARNs of their packages."""

    champion_name: str
    champion_arn: str
    challenger_name: str
    challenger_arn: str


@dataclasses.dataclass(frozen=True)
class Shadow(Record):
    """`passed` is None, and `reason` empty, while there is no verdict."""

    pair: Pair = dataclasses.field(metadata=INLINE)
    began_at: datetime.datetime
    passed: bool | None = None
    reason: str = ""
