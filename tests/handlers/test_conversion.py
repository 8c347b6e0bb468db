"""POST /conversion: whom a reward is credited to."""

import pytest

from abtest.adapters import assignments_table, event_stream, table
from abtest.experiment.record.events import Conversion, parse
from abtest.handlers import conversion, invocation
from tests.handlers.conftest import ENDPOINT, VARIANTS, World

SAMPLE = {"endpoint_name": ENDPOINT, "data": "{}"}
ASKED = {"endpoint_name": ENDPOINT, "user_id": "u"}


def invoke(world: World, inference_id: str, **fields: str) -> dict[str, object]:
    body = SAMPLE | {"user_id": "u", "inference_id": inference_id} | fields
    return world.post(invocation, body)[1]


def test_the_named_invocation_is_credited(world: World) -> None:
    served = invoke(world, "first")
    invoke(world, "second")
    other = next(name for name in VARIANTS if name != served["endpoint_variant"])
    status, answer = world.post(
        conversion, ASKED | {"inference_id": "first", "reward": 0.25, "endpoint_variant": other}
    )
    assert status == 200
    assert answer == {
        "strategy": "ThompsonSampling",
        "endpoint_name": ENDPOINT,
        "endpoint_variant": served["endpoint_variant"],
        "inference_id": "first",
        "user_id": "u",
        "reward": 0.25,
    }
    event = parse(world.lines()[-1])
    assert isinstance(event, Conversion)
    assert event.endpoint_variant == served["endpoint_variant"]
    assert event.invocation_timestamp == parse(world.lines()[0]).timestamp


@pytest.mark.parametrize("named", [None, "nobody's", "another user's"])
def test_else_the_users_latest_one(world: World, named: str | None) -> None:
    invoke(world, "another-user's", user_id="v")
    for inference_id in ("first", "last"):
        invoke(world, inference_id)
    body = ASKED | ({"inference_id": named.replace(" ", "-")} if named else {})
    status, answer = world.post(conversion, body)
    assert (status, answer["inference_id"], answer["reward"]) == (200, "last", 1.0)


def test_the_latest_one_is_not_one_that_failed(world: World) -> None:
    for inference_id in ("first", "second"):
        invoke(world, inference_id)
    invoke(world, "by hand", endpoint_variant="Champion1")
    world.endpoint.failure = "ModelError"
    invoke(world, "failed")
    assert world.post(conversion, ASKED)[1]["inference_id"] == "second"


def test_a_manual_invocation_keeps_its_strategy(world: World) -> None:
    invoke(world, "by-hand", endpoint_variant="Challenger1")
    assert world.post(conversion, ASKED)[0] == 404
    status, answer = world.post(conversion, ASKED | {"inference_id": "by-hand"})
    assert (status, answer["strategy"], answer["endpoint_variant"]) == (200, "Manual", "Challenger1")


def test_a_retry_is_the_same_event(world: World) -> None:
    invoke(world, "once")
    for _ in range(2):
        world.post(conversion, ASKED | {"inference_id": "once"})
    assert len({event["event_id"] for event in world.events()}) == 2


def test_a_user_without_an_assignment_is_unknown(world: World) -> None:
    status, document = world.post(conversion, ASKED)
    assert (status, document["error"]["code"]) == (404, "NotFound")
    assert world.events() == []


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"reward": -0.1}, 400, "reward"),
        ({"reward": 1.1}, 400, "reward"),
        ({"reward": "1"}, 400, "reward"),
        ({"reward": True}, 400, "reward"),
        ({"reward": None}, 400, "reward"),
        ({"reward": float("nan")}, 400, "reward"),
        ({"user_id": None}, 400, "user_id"),
        ({"endpoint_name": "another"}, 403, "sagemaker-reviews-"),
        ({"endpoint_name": "sagemaker-reviews-prod"}, 404, "experiment"),
    ],
)
def test_wrong_requests(world: World, change: dict[str, object], status: int, named: str) -> None:
    invoke(world, "i")
    answered, document = world.post(conversion, ASKED | change)
    assert answered == status
    assert named in document["error"]["message"]
    assert len(world.events()) == 1


@pytest.mark.parametrize("broken", [table, assignments_table])
def test_without_dynamodb_the_client_may_try_again(world: World, broken: object) -> None:
    invoke(world, "i")
    world.breaks(broken, "dynamodb")  # type: ignore[arg-type]
    status, document = world.post(conversion, ASKED)
    assert (status, document["error"]["code"]) == (503, "ServiceUnavailable")


def test_without_firehose_the_conversion_is_parked(world: World) -> None:
    invoke(world, "i")
    world.breaks(event_stream, "firehose")
    assert world.post(conversion, ASKED)[0] == 200
    world.heals(event_stream, "firehose")
    invoke(world, "j")
    assert sorted(event["type"] for event in world.events()) == ["conversion", "invocation", "invocation"]
