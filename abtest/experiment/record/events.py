"""Invocation and conversion events, one JSON object a line; the events in S3 are the truth that counts follow."""

import dataclasses
import datetime
import hashlib
import json
import sys
from typing import Annotated, Any, ClassVar, TypeAlias

from abtest.experiment.record.codec import As, Record

MANUAL = "Manual"
FALLBACK = "Fallback"
NOT_RANDOMISED = (MANUAL, FALLBACK)  # nobody drew these variants: they teach the bandit nothing


class EventError(ValueError):
    """A line is not an event of ours; the message says why."""


def event_id(experiment_id: str, event_type: str, user_id: str, inference_id: str) -> str:
    """The same for every retry of a user's request: 32 hexadecimal digits. Users may have the same inference ids."""
    return _digest(json.dumps([experiment_id, event_type, user_id, inference_id]))


def former_event_id(experiment_id: str, event_type: str, inference_id: str) -> str:
    """As version 0.1 wrote it; such events are read for ever."""
    return _digest(f"{experiment_id}\n{event_type}\n{inference_id}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair") from None
    return value


def _repeated(value: Any) -> str:
    return sys.intern(_text(value))


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(value)


# Events come from outside: what they hold is checked, not only converted.
Text: TypeAlias = Annotated[str, As(str, _text)]
Repeated: TypeAlias = Annotated[str, As(str, _repeated)]  # the same in many events: kept once in memory
Share: TypeAlias = Annotated[float, As(float, _share)]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Event(Record):
    type: ClassVar[str]

    timestamp: datetime.datetime
    """When it happened."""
    experiment_id: Repeated
    """The experiment; `unknown` where the table of experiments did not answer."""
    endpoint_name: Repeated
    """The endpoint that was asked."""
    endpoint_variant: Repeated | None = None
    """The variant that answered; null: SageMaker did not say."""
    target_variant: Repeated | None = None
    """The variant that was asked; null: SageMaker chose one by the endpoint's weights."""
    strategy: Repeated
    """The experiment's strategy; `Manual` where you named the variant, `Fallback` where it could not be asked."""
    inference_id: Text
    """Names the invocation."""
    user_id: Text
    """Your user."""
    decision_id: Repeated | None = None
    """The Decision whose shares the user's variant was drawn by, at assignment; null: nobody drew it."""
    propensity: Share | None = None
    """The share, 0 to 1, with which the user's variant was drawn, at assignment; null: nobody drew it."""

    @property
    def event_id(self) -> str:
        return event_id(self.experiment_id, self.type, self.user_id, self.inference_id)

    @property
    def randomised(self) -> bool:
        """Whether the variant was drawn by the experiment's shares."""
        return self.strategy not in NOT_RANDOMISED and self.endpoint_variant is not None

    def to_line(self) -> str:
        """The event as one line of JSON, without the newline."""
        document = {"event_id": self.event_id, "type": self.type, **self.to_json()}
        return json.dumps(document, separators=(",", ":"))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Invocation(_Event):
    """One served prediction."""

    type: ClassVar[str] = "invocation"
    predictions: Any = None
    """What the model answered; the API leaves it out (null)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Conversion(_Event):
    """A success tied to one invocation, whose variants, strategy and Decision it carries."""

    type: ClassVar[str] = "conversion"
    reward: Share
    """What the success is worth, 0 to 1."""
    invocation_timestamp: datetime.datetime
    """When the invocation happened, from which on the attribution window runs."""

    @classmethod
    def of(cls, invocation: Invocation, *, reward: float, timestamp: datetime.datetime) -> "Conversion":
        """The conversion that `invocation` earned, at `timestamp`: all that both kinds of event hold is the same."""
        shared = {field.name: getattr(invocation, field.name) for field in dataclasses.fields(_Event)}
        return cls(**shared | {"timestamp": timestamp}, reward=reward, invocation_timestamp=invocation.timestamp)


Event: TypeAlias = Invocation | Conversion

KINDS: dict[str, type[Invocation] | type[Conversion]] = {"invocation": Invocation, "conversion": Conversion}


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
    try:
        event = kind.from_json(document)
    except ValueError as error:
        raise EventError(str(error)) from None
    given = document.get("event_id")
    if given != event.event_id and given != former_event_id(event.experiment_id, event.type, event.inference_id):
        raise EventError("event_id: is not that of the experiment, type, user and inference id")
    return event
