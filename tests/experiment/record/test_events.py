"""Events to lines and back; whatever a line is, it is an event or an EventError."""

import dataclasses
import datetime
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.events import Conversion, EventError, Invocation, event_id, former_event_id, parse
from tests.experiment.samples import EXPERIMENT, at, conversion, invocation

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
TIMES = st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
)


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = json.loads(conversion(invocation("i"), 5).to_line())
    return base | changes


def test_the_line_of_an_invocation() -> None:
    assert json.loads(invocation("i", 1.5).to_line()) == {
        "event_id": "0283c4ff925bc762f93408cdb8d9cfe6",
        "type": "invocation",
        "timestamp": "2026-01-01T00:00:01.500Z",
        "experiment_id": "reviews-dev-v1-1",
        "endpoint_name": "sagemaker-reviews-dev",
        "endpoint_variant": "Champion1",
        "target_variant": "Champion1",
        "strategy": "ThompsonSampling",
        "inference_id": "i",
        "user_id": "i",
        "decision_id": "reviews-dev-v1-1-d000000",
        "propensity": 0.5,
        "predictions": None,
    }


def test_the_line_of_a_conversion_carries_the_invocation() -> None:
    line = json.loads(conversion(invocation("i", 1), 61, 0.25).to_line())
    assert line["type"] == "conversion"
    assert line["reward"] == 0.25
    assert line["timestamp"] == "2026-01-01T00:01:01.000Z"
    assert line["invocation_timestamp"] == "2026-01-01T00:00:01.000Z"
    assert line["endpoint_variant"] == "Champion1"


def test_a_retry_has_the_same_id_and_nothing_else_has() -> None:
    assert invocation("i", 1).event_id == invocation("i", 2).event_id
    parts = itertools.product("ef", ("invocation", "conversion"), ("u", "v", "u\nv"), "ij")
    assert len({event_id(*of) for of in parts}) == 24


def test_events_that_version_0_1_wrote_are_read() -> None:
    line = json.loads(invocation("i", user_id="u").to_line())
    former = line | {"event_id": former_event_id(EXPERIMENT, "invocation", "i")}
    assert parse(json.dumps(former)) == parse(json.dumps(line))
    with pytest.raises(EventError, match=r"^event_id: "):
        parse(json.dumps(line | {"event_id": former_event_id(EXPERIMENT, "conversion", "i")}))


@given(TIMES, TEXT, TEXT, st.none() | st.floats(0, 1), JSON.filter(lambda value: value == value))
def test_invocations_survive_the_round_trip(
    time: datetime.datetime, user: str, inference: str, propensity: float | None, predictions: Any
) -> None:
    event = invocation(inference, timestamp=time, user_id=user, propensity=propensity, predictions=predictions)
    assert parse(event.to_line()).to_line() == event.to_line()
    assert "\n" not in event.to_line()


@given(TIMES, TIMES, st.none() | TEXT, st.none() | TEXT, st.none() | st.floats(0, 1))
def test_a_conversion_has_all_that_its_invocation_has_but_predictions(
    time: datetime.datetime, invoked: datetime.datetime, target: str | None, decision: str | None, share: float | None
) -> None:
    of = invocation("i", timestamp=invoked, target_variant=target, decision_id=decision, propensity=share)
    made = Conversion.of(of, reward=0.25, timestamp=time)
    assert (made.timestamp, made.invocation_timestamp, made.reward) == (time, invoked, 0.25)
    for field in dataclasses.fields(Invocation):
        if field.name not in ("timestamp", "predictions"):
            assert getattr(made, field.name) == getattr(of, field.name)


@given(TIMES, TIMES, TEXT, st.floats(0, 1))
def test_conversions_survive_the_round_trip(
    time: datetime.datetime, invoked: datetime.datetime, user: str, reward: float
) -> None:
    event = conversion(invocation("i", timestamp=invoked), timestamp=time, user_id=user, reward=reward)
    assert parse(event.to_line()) == event


def test_what_is_optional_may_be_missing_or_null() -> None:
    event = invocation("i", endpoint_variant=None, target_variant=None, decision_id=None, propensity=None)
    assert parse(event.to_line()) == event
    short = {key: value for key, value in json.loads(event.to_line()).items() if value is not None}
    assert parse(json.dumps(short | {"another": 1})) == event


def test_what_was_not_drawn_is_not_randomised() -> None:
    assert invocation("i").randomised
    assert not invocation("i", strategy="Manual").randomised
    assert not invocation("i", strategy="Fallback").randomised
    assert not invocation("i", endpoint_variant=None).randomised


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "type: must be one of invocation, conversion"),
        (json.dumps(document(type=["invocation"])), "type: "),
        (json.dumps(document(event_id="other")), "event_id: "),
        (json.dumps(document(user_id="")), "user_id: must be text"),
        (json.dumps(document(user_id=3)), "user_id: must be text"),
        (json.dumps(document(user_id="\ud800")), "user_id: holds half a surrogate pair"),
        (json.dumps(document(experiment_id=None)), "experiment_id: must be text"),
        (json.dumps(document(timestamp="yesterday")), "timestamp: 'yesterday' is not"),
        (json.dumps(document(timestamp="2026-01-01T00:00:00")), "timestamp: '2026-01-01T00:00:00' has no time zone"),
        (json.dumps(document(timestamp="0001-01-01T00:00:00+14:00")), "timestamp: "),
        (json.dumps(document(timestamp=3)), "timestamp: 3 is not"),
        (json.dumps(document(invocation_timestamp=None)), "invocation_timestamp: None is not"),
        (json.dumps(document(reward=None)), "reward: must be a number from 0 to 1"),
        (json.dumps(document(reward=-0.1)), "reward: "),
        (json.dumps(document(reward=1.1)), "reward: "),
        (json.dumps(document(reward=True)), "reward: "),
        (json.dumps(document(reward=float("nan"))), "reward: "),
        (json.dumps(document(propensity=2)), "propensity: "),
    ],
)
def test_a_wrong_line_says_why(line: str, problem: str) -> None:
    with pytest.raises(EventError) as raised:
        parse(line)
    assert str(raised.value).startswith(problem)


@given(
    st.text()
    | JSON.map(json.dumps)
    | st.dictionaries(st.sampled_from(list(document())), JSON).map(lambda part: json.dumps(document() | part))
)
def test_any_line_is_an_event_or_an_event_error(line: str) -> None:
    try:
        parse(line).to_line()
    except EventError as error:
        assert str(error)


def test_times_are_utc_whatever_the_zone() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    event = invocation("i", timestamp=at(0).astimezone(zone))
    assert '"timestamp":"2026-01-01T00:00:00.000Z"' in event.to_line()
    with pytest.raises(ValueError, match="no time zone"):
        Invocation.to_line(invocation("i", timestamp=datetime.datetime(2026, 1, 1)))
