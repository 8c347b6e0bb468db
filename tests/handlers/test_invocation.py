"""POST /invocation: assignment, override, fallback, refusals."""

import base64
import json

import pytest

from abtest.adapters import assignments_table, event_stream, table
from abtest.experiment.record.events import Invocation, parse
from abtest.handlers import conversion, invocation
from tests.handlers.conftest import ENDPOINT, EVENTS, VARIANTS, World, aws, experiment, store

SAMPLE = {"endpoint_name": ENDPOINT, "content_type": "application/json", "data": '{"instances": ["Excellent item!"]}'}


def test_the_published_sample_works_unchanged(world: World) -> None:
    event = json.loads((EVENTS / "invocation.json").read_text())
    response = invocation.handler(event, None)
    answer = json.loads(response["body"])
    assert response["statusCode"] == 201
    assert response["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert set(answer) == {
        "strategy",
        "endpoint_name",
        "target_variant",
        "endpoint_variant",
        "inference_id",
        "user_id",
        "predictions",
    }
    assert answer["predictions"] == [{"label": ["__label__Helpful"], "prob": [0.75]}]
    assert answer["target_variant"] == answer["endpoint_variant"]
    assert answer["user_id"] == "user_1"

    status, converted = world.post(conversion, answer | {"reward": 1})
    assert status == 200
    assert converted["inference_id"] == answer["inference_id"]
    assert converted["endpoint_variant"] == answer["endpoint_variant"]


def test_a_user_keeps_the_variant_when_the_shares_change(world: World) -> None:
    answers = {f"u{i}": world.post(invocation, SAMPLE | {"user_id": f"u{i}"})[1] for i in range(12)}
    assert {answer["target_variant"] for answer in answers.values()} == set(VARIANTS)
    store(experiment(shares={"Champion1": 0.0, "Challenger1": 1.0}))
    for user, before in answers.items():
        status, after = world.post(invocation, SAMPLE | {"user_id": user})
        assert (status, after["target_variant"]) == (200, before["target_variant"])


def test_the_event_says_how_the_variant_was_drawn(world: World) -> None:
    _, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    store(experiment(shares={"Champion1": 0.9, "Challenger1": 0.1}, decision_id="later"))
    world.post(invocation, SAMPLE | {"user_id": "u"})
    first, second = world.events()
    assert first["endpoint_variant"] == second["endpoint_variant"] == answer["endpoint_variant"]
    assert first["propensity"] == second["propensity"] == 0.5
    assert first["decision_id"] == second["decision_id"] == "reviews-dev-v1-1-d000000"
    assert isinstance(parse(world.lines()[0]), Invocation)
    assert world.endpoint.requests[0]["InferenceId"] == first["inference_id"]


def test_a_retry_is_the_same_event(world: World) -> None:
    body = SAMPLE | {"user_id": "u", "inference_id": "once"}
    assert [world.post(invocation, body)[0] for _ in range(2)] == [201, 201]
    first, second = world.lines()
    assert first == second


def test_user_and_inference_ids_are_generated(world: World) -> None:
    _, one = world.post(invocation, SAMPLE)
    _, other = world.post(invocation, SAMPLE | {"user_id": None, "inference_id": None})
    assert len({one["user_id"], other["user_id"], one["inference_id"], other["inference_id"]}) == 4


def test_an_override_is_manual_and_assigns_nobody(world: World) -> None:
    for name in VARIANTS:
        status, answer = world.post(invocation, SAMPLE | {"user_id": "u", "endpoint_variant": name})
        assert (status, answer["strategy"], answer["endpoint_variant"]) == (202, "Manual", name)
    assert {event["strategy"] for event in world.events()} == {"Manual"}
    assert world.post(invocation, SAMPLE | {"user_id": "u"})[0] == 201


@pytest.mark.parametrize("broken", [table, assignments_table])
def test_without_dynamodb_the_prediction_is_still_served(world: World, broken: object) -> None:
    world.breaks(broken, "dynamodb")  # type: ignore[arg-type]
    status, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (status, answer["strategy"], answer["target_variant"]) == (202, "Fallback", None)
    assert answer["endpoint_variant"] == "Champion1"
    assert "TargetVariant" not in world.endpoint.requests[0]
    assert world.events()[0]["strategy"] == "Fallback"


def test_without_firehose_the_event_is_parked_and_replayed(world: World) -> None:
    world.breaks(event_stream, "firehose")
    assert world.post(invocation, SAMPLE | {"user_id": "u"})[0] == 201
    assert world.events() == []
    world.heals(event_stream, "firehose")
    assert world.post(invocation, SAMPLE | {"user_id": "v"})[0] == 201
    assert sorted(event["user_id"] for event in world.events()) == ["u", "v"]
    parked = aws("dynamodb").query(
        TableName="assignments",
        KeyConditionExpression="#user = :user",
        ExpressionAttributeNames={"#user": "user"},
        ExpressionAttributeValues={":user": {"S": "PARKED"}},
    )
    assert parked["Count"] == 0


def test_with_neither_firehose_nor_dynamodb_the_event_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.breaks(event_stream, "firehose")
    world.breaks(assignments_table, "dynamodb")
    assert world.post(invocation, SAMPLE | {"user_id": "u"})[0] == 202
    assert '"strategy":"Fallback"' in caplog.text


def test_the_users_of_a_variant_that_left_go_to_the_champion_uncounted(world: World) -> None:
    store(experiment(shares={"Champion1": 0.0, "Challenger1": 1.0}))
    assert world.post(invocation, SAMPLE | {"user_id": "u"})[1]["target_variant"] == "Challenger1"
    remaining = experiment().variants[:1]
    store(experiment(variants=remaining, shares={"Champion1": 1.0}))
    status, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (status, answer["strategy"], answer["endpoint_variant"]) == (202, "Fallback", "Champion1")
    store(experiment())
    status, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (status, answer["endpoint_variant"]) == (200, "Challenger1")


def test_a_variant_that_left_the_endpoint_is_served_by_its_split(world: World) -> None:
    world.endpoint.variants = ("Champion2",)
    status, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (status, answer["strategy"], answer["endpoint_variant"]) == (202, "Fallback", "Champion2")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ("ModelError", 502, "ModelError"),
        ("InternalFailure", 502, "ModelError"),
        ("ThrottlingException", 429, "TooManyRequests"),
        ("ValidationError", 502, "EndpointRefused"),
    ],
)
def test_failures_of_the_endpoint(world: World, failure: str, status: int, code: str) -> None:
    world.endpoint.failure = failure
    answered, document = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (answered, document["error"]["code"]) == (status, code)
    assert failure in document["error"]["message"]
    assert world.events() == []


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"endpoint_name": None}, 400, "endpoint_name"),
        ({"endpoint_name": "a b"}, 400, "endpoint_name"),
        ({"data": None}, 400, "data"),
        ({"data": {"instances": []}}, 400, "data"),
        ({"user_id": ""}, 400, "user_id"),
        ({"user_id": 3}, 400, "user_id"),
        ({"user_id": "u" * 257}, 400, "user_id"),
        ({"inference_id": "i" * 65}, 400, "inference_id"),
        ({"inference_id": "two\nlines"}, 400, "inference_id"),
        ({"content_type": "text/plain\r\nX: y"}, 400, "content_type"),
        ({"endpoint_variant": "Nobody"}, 400, "endpoint_variant"),
        ({"endpoint_name": "another-endpoint"}, 403, "sagemaker-reviews-"),
        ({"endpoint_name": "sagemaker-reviews-prod"}, 404, "sagemaker-reviews-prod"),
        ({"data": "x" * (5 * 1024 * 1024)}, 413, "5242880"),
    ],
)
def test_wrong_requests(world: World, change: dict[str, object], status: int, named: str) -> None:
    answered, document = world.post(invocation, SAMPLE | {"user_id": "u"} | change)
    assert answered == status
    assert named in document["error"]["message"]
    assert world.endpoint.requests == []


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', '{"endpoint_name": "\\ud800"}'])
def test_bodies_that_are_no_json_object(world: World, body: str) -> None:
    status, document = world.post(invocation, body)
    assert (status, document["error"]["code"]) == (400, "BadRequest")


def test_a_body_in_base64(world: World) -> None:
    body = base64.b64encode(json.dumps(SAMPLE).encode()).decode()
    assert world.post(invocation, body, isBase64Encoded=True)[0] == 201
    assert world.post(invocation, base64.b64encode(b"\xff\xfe").decode(), isBase64Encoded=True)[0] == 400
    assert world.post(invocation, "no base64", isBase64Encoded=True)[0] == 400


def test_a_body_without_a_content_type(world: World) -> None:
    assert world.post(invocation, SAMPLE, headers={}, multiValueHeaders={})[0] == 201


def test_another_method_is_no_route(world: World) -> None:
    status, document = world.post(invocation, SAMPLE, httpMethod="GET")
    assert (status, document["error"]["code"]) == (404, "NotFound")


def test_our_own_faults_say_nothing_of_them(world: World) -> None:
    world.monkeypatch.setattr(invocation, "placed", lambda *_: 1 / 0)
    status, document = world.post(invocation, SAMPLE)
    assert (status, document["error"]["code"]) == (500, "InternalError")
    assert "division" not in document["error"]["message"]


def test_a_variant_that_is_out_serves_nobody_and_its_users_get_it_back(world: World) -> None:
    half = {"Champion1": 0.0, "Challenger1": 1.0}
    store(experiment(shares=half))
    assert world.post(invocation, SAMPLE | {"user_id": "u"})[1]["target_variant"] == "Challenger1"
    store(experiment(shares={"Champion1": 1.0, "Challenger1": 0.0}, out={"Challenger1": "slow"}))
    for request in ({"user_id": "u"}, {"user_id": "u", "endpoint_variant": "Challenger1"}):
        status, answer = world.post(invocation, SAMPLE | request)
        assert (status, answer["strategy"], answer["endpoint_variant"]) == (202, "Fallback", "Champion1")
    status, answer = world.post(invocation, SAMPLE | {"user_id": "new"})
    assert (status, answer["endpoint_variant"]) == (201, "Champion1")
    store(experiment(shares=half))
    status, answer = world.post(invocation, SAMPLE | {"user_id": "u"})
    assert (status, answer["endpoint_variant"]) == (200, "Challenger1")
