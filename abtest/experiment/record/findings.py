"""What a Decision says beside its shares: sizes of effects, and findings about the data's health."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Effect:
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
class Finding:
    """`severity` is `warning` or `notice`; `sentence` says what is wrong and what to do; `figures` are its numbers."""

    name: str
    severity: str
    sentence: str
    figures: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"figures": dict(self.figures)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Finding":
        """The finding that `to_json` wrote; numbers may be Decimals."""
        known = {field.name: document[field.name] for field in dataclasses.fields(cls)}
        return cls(**known | {"figures": {name: float(value) for name, value in document["figures"].items()}})
