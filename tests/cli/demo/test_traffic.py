"""The rounds, on stand-ins for the API and the events in S3."""

import datetime
import json
from typing import Any

import pytest

from abtest.adapters.event_store import StoredLines
from abtest.cli.demo import traffic, users
from abtest.cli.demo.request import Request
from abtest.cli.demo.users import Visit
from abtest.cli.shown.output import UserError
from abtest.experiment.record.decision import Decision
from tests.adapters import samples
from tests.cli.demo.test_request import request_of

EXPERIMENT = samples.experiment(samples.plan())
OUTPUTS = {
    "ApiEndpoint": "http://127.0.0.1:9/",
    "BucketName": "bucket",
    "EndpointName": samples.ENDPOINT,
    "RebalanceStateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:rebalance",
}


def line(event_id: str, experiment_id: str = EXPERIMENT.experiment_id) -> str:
    return json.dumps({"event_id": event_id, "experiment_id": experiment_id})


def store(monkeypatch: pytest.MonkeyPatch, *objects: tuple[str, ...]) -> None:
    class Store:
        def __init__(self, bucket: str) -> None:
            assert bucket == "bucket"

        def read(self, since: datetime.datetime) -> list[StoredLines]:
            assert since == EXPERIMENT.started_at
            return [StoredLines(str(number), lines) for number, lines in enumerate(objects)]

    monkeypatch.setattr(traffic, "EventStore", Store)


def test_an_event_delivered_twice_counts_once_and_another_experiments_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(monkeypatch, (line("a"), line("b")), (line("b"), line("c", "another")))
    assert traffic.distinct_events("bucket", EXPERIMENT) == 2
    traffic.wait_for_events("bucket", EXPERIMENT, 2)


def test_events_that_do_not_arrive_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, (line("a"),))
    monkeypatch.setattr(traffic, "DELIVERY_SECONDS", -1.0)
    with pytest.raises(UserError, match=r"^only 1 of 2 events are in s3://bucket/events/"):
        traffic.wait_for_events("bucket", EXPERIMENT, 2)


def test_an_invocation_is_one_event_and_a_conversion_another() -> None:
    assert traffic.expected_events([Visit("u", "Champion1", 1.0), Visit("v", "Champion1", 0.0)]) == 3


def play(monkeypatch: pytest.MonkeyPatch, chosen: Request, *statuses: str) -> list[Any]:
    """The users who came, where the rebalances end with these statuses."""
    decisions = [samples.decision(EXPERIMENT, {"Champion1": 0.25, "Challenger1": 0.75}, status=s) for s in statuses]

    def visit(post: object, *, users: range, **_: object) -> list[int]:
        return list(users)

    def decide(_: object) -> Decision:
        return decisions.pop(0)

    def nothing(*_: object) -> int:
        return 0

    monkeypatch.setattr(users, "run", visit)
    monkeypatch.setattr(traffic, "rebalance_once", decide)
    for name in ("expected_events", "wait_for_events"):
        monkeypatch.setattr(traffic, name, nothing)
    return list(traffic.play(chosen, OUTPUTS, EXPERIMENT, []))


def test_all_users_come_while_the_difference_is_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(monkeypatch, request_of(users=5, rounds=2), "running", "running") == [0, 1, 2, 3, 4]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("round 1 of 2: 2 users; ")
    assert second.endswith("new shares Champion1 25%, Challenger1 75%")


def test_a_decision_ends_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(monkeypatch, request_of(users=5, rounds=2), "decided") == [0, 1]


def test_a_refusal_of_the_api_ends_the_demo_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> list[Visit]:
        raise users.ApiRefusedError("POST /invocation answered 502: the model failed")

    monkeypatch.setattr(users, "run", refuse)
    with pytest.raises(UserError, match=r"^POST /invocation answered 502: the model failed$"):
        traffic.play(request_of(), OUTPUTS, EXPERIMENT, [])
