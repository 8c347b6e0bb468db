"""A challenger in shadow: which champion's requests it answers, since when, and its verdict."""

import dataclasses
import datetime
from typing import Any

from abtest.experiment.record import times


@dataclasses.dataclass(frozen=True)
class Pair:
    """A challenger that shadows a champion: the names of both variants and the ARNs of their packages."""

    champion_name: str
    champion_arn: str
    challenger_name: str
    challenger_arn: str


@dataclasses.dataclass(frozen=True)
class Shadow:
    """`passed` is None, and `reason` empty, while there is no verdict."""

    pair: Pair
    began_at: datetime.datetime
    passed: bool | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        verdict = {"passed": self.passed, "reason": self.reason}
        return dataclasses.asdict(self.pair) | {"began_at": times.to_text(self.began_at)} | verdict

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Shadow":
        """What `to_json` wrote; other keys are ignored."""
        pair = Pair(**{field.name: document[field.name] for field in dataclasses.fields(Pair)})
        return cls(pair, times.from_text(document["began_at"]), document["passed"], document["reason"])
