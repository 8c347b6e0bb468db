"""Invocation and conversion events, one JSON object a line; the events in S3 are the truth that counts follow."""

import dataclasses
import datetime
import hashlib
import json
import sys
from typing import Any, ClassVar, TypeAlias

from abtest.experiment.record import times

MANUAL = "Manual"
FALLBACK = "Fallback"
NOT_RANDOMISED = (MANUAL, FALLBACK)  # nobody drew these variants: they teach the bandit nothing


class EventError(ValueError):
    """A line is not an event of ours; the message says why."""


def event_id(experiment_id: str, event_type: str, inference_id: str) -> str:
    """The same for every retry of the same request: 32 hexadecimal digits."""
    return hashlib.sha256(f"{experiment_id}\n{event_type}\n{inference_id}".encode()).hexdigest()[:32]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Event:
    type: ClassVar[str]

    timestamp: datetime.datetime
    experiment_id: str
    endpoint_name: str
    endpoint_variant: str | None
    target_variant: str | None
    strategy: str
    inference_id: str
    user_id: str
    decision_id: str | None = None
    propensity: float | None = None

    @property
    def event_id(self) -> str:
        return event_id(self.experiment_id, self.type, self.inference_id)

    @property
    def randomised(self) -> bool:
        """Whether the variant was drawn by the experiment's shares."""
        return self.strategy not in NOT_RANDOMISED and self.endpoint_variant is not None

    def to_line(self) -> str:
        """The event as one line of JSON, without the newline."""
        document = {"event_id": self.event_id, "type": self.type}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            document[field.name] = times.to_text(value) if isinstance(value, datetime.datetime) else value
        return json.dumps(document, separators=(",", ":"))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Invocation(_Event):
    """One served prediction.

    `propensity` (0..1) is the share with which the user's variant was drawn, by `decision_id`; both None where it
    was not drawn. `endpoint_variant` is what answered, `target_variant` what was asked for.
    """

    type: ClassVar[str] = "invocation"
    predictions: Any = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Conversion(_Event):
    """A success tied to one invocation, whose variants, strategy and time it carries; `reward` is 0..1."""

    type: ClassVar[str] = "conversion"
    reward: float
    invocation_timestamp: datetime.datetime

    @classmethod
    def of(cls, invocation: Invocation, *, reward: float, timestamp: datetime.datetime) -> "Conversion":
        """The conversion that `invocation` earned, at `timestamp`: all that both kinds of event hold is the same."""
        shared = {field.name: getattr(invocation, field.name) for field in dataclasses.fields(_Event)}
        return cls(**shared | {"timestamp": timestamp}, reward=reward, invocation_timestamp=invocation.timestamp)


Event: TypeAlias = Invocation | Conversion

KINDS: dict[str, type[Invocation] | type[Conversion]] = {"invocation": Invocation, "conversion": Conversion}
FIELDS = {kind: dataclasses.fields(kind) for kind in KINDS.values()}
TEXTS = ("experiment_id", "endpoint_name", "strategy", "inference_id", "user_id")
OPTIONAL_TEXTS = ("endpoint_variant", "target_variant", "decision_id")
REPEATED = (*TEXTS[:3], *OPTIONAL_TEXTS)  # the same in many events: kept once in memory
TIMES = ("timestamp", "invocation_timestamp")
SHARES = ("propensity", "reward")


def parse(line: str) -> Event:
    """The event on `line`; keys that we do not know are ignored. EventError, and nothing else, if it is none."""
    try:
        document = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        raise EventError("is not JSON") from None
    if not isinstance(document, dict):
        raise EventError("is not a JSON object")
    name = document.get("type")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise EventError(f"type: must be one of {', '.join(KINDS)}")
    event = kind(**{field.name: _value(field, document) for field in FIELDS[kind]})
    if document.get("event_id") != event.event_id:
        raise EventError("event_id: is not that of the experiment, type and inference id")
    return event


def _value(field: "dataclasses.Field[Any]", document: dict[str, Any]) -> Any:
    """The value for one field; EventError names it if it is missing or wrong."""
    value = document.get(field.name)
    if field.name in TEXTS:
        return _text(field.name, value)
    if field.name in OPTIONAL_TEXTS:
        return None if value is None else _text(field.name, value)
    if field.name in TIMES:
        return _time(field.name, value)
    if field.name in SHARES:
        return None if value is None and field.default is None else _share(field.name, value)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise EventError(f"{name}: must be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EventError(f"{name}: holds half a surrogate pair") from None
    return sys.intern(value) if name in REPEATED else value


def _time(name: str, value: Any) -> datetime.datetime:
    try:
        return times.from_text(value)
    except ValueError as error:
        raise EventError(f"{name}: {error}") from None


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise EventError(f"{name}: must be a number from 0 to 1")
    return float(value)
