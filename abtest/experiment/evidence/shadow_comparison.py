"""Whether a challenger that answered copies of the champion's requests may serve: the comparison of the two."""

import dataclasses
import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

from abtest.experiment.record import times
from abtest.experiment.record.safety import ShadowConfig

MOST_DAYS = 3  # that a shadow waits for its requests


@dataclasses.dataclass(frozen=True)
class ShadowMeasurement:
    """`pairs` requests that both answered, `agreeing` of them with the same label; `errors` that the shadow failed.

    Latencies are means in milliseconds, None where nothing was measured.
    """

    pairs: int = 0
    agreeing: int = 0
    errors: int = 0
    champion_latency_ms: float | None = None
    shadow_latency_ms: float | None = None

    @property
    def requests(self) -> int:
        return self.pairs + self.errors


@dataclasses.dataclass(frozen=True)
class ShadowVerdict:
    """`reason` is a sentence with the figures."""

    passed: bool
    reason: str


def compared(champion: Mapping[str, str], shadow: Mapping[str, str]) -> tuple[int, int]:
    """How many ids are in both, and for how many of these the answers have the same label."""
    both = champion.keys() & shadow.keys()
    return len(both), sum(label(champion[one]) == label(shadow[one]) for one in both)


def label(answer: str) -> Any:
    """What an answer says: BlazingText's labels; the side of 0.5 of a probability, or several; else the text itself."""
    try:
        document = json.loads(answer)
    except ValueError:
        parts = [_side(part.strip()) for part in answer.split(",")]
        return parts if len(parts) > 1 else parts[0]
    return _label(document)


def _label(document: Any) -> Any:
    if isinstance(document, dict):
        named = next((document[name] for name in ("label", "predicted_label", "predictions") if name in document), None)
        return document if named is None else _label(named)
    if isinstance(document, list):
        return [_label(part) for part in document]
    return _side(document)


def _side(value: Any) -> Any:
    """A probability's side of 0.5; anything else as it is."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    if math.isnan(number):
        return "nan"  # which agrees with itself
    return number >= 0.5 if 0 <= number <= 1 else number


def waits(
    measured: ShadowMeasurement, config: ShadowConfig, *, began: datetime.datetime, now: datetime.datetime
) -> str | None:
    """What the shadow still waits for, as a clause; None once it can be judged."""
    if now < config.ends_at(began):
        return f"it lasts until {times.to_text(config.ends_at(began))}"
    if measured.requests < config.least_requests and now < began + datetime.timedelta(days=MOST_DAYS):
        return f"{measured.requests} of {config.least_requests} requests"
    return None


def judge(measured: ShadowMeasurement, config: ShadowConfig) -> ShadowVerdict:
    """By requests, errors, agreement and latency, in this order: the first that is not good enough decides."""
    requests, pairs = measured.requests, measured.pairs
    if requests < config.least_requests:
        return ShadowVerdict(False, f"only {requests} of {config.least_requests} requests within {MOST_DAYS} days.")
    if measured.errors > config.most_5xx_rate * requests:
        return ShadowVerdict(
            False, f"{measured.errors} of {requests} requests failed, {config.most_5xx_rate:g} is the most."
        )
    agreement = f"the labels agree in {measured.agreeing} of {pairs} requests"
    if measured.agreeing < config.least_agreement * pairs or not pairs:
        return ShadowVerdict(False, f"{agreement}, {config.least_agreement:g} is the least.")
    ratio = _ratio(measured)
    latency = f"latency {ratio:.2g} times the champion's" if ratio is not None else "no latency was measured"
    if ratio is not None and ratio > config.most_latency_ratio:
        return ShadowVerdict(False, f"{latency}, {config.most_latency_ratio:g} is the most.")
    return ShadowVerdict(True, f"{agreement}, {measured.errors} failed, {latency}.")


def _ratio(measured: ShadowMeasurement) -> float | None:
    if measured.shadow_latency_ms is None or not measured.champion_latency_ms:
        return None
    return measured.shadow_latency_ms / measured.champion_latency_ms
