import itertools
import json
from typing import Any

import pytest

from abtest.adapters import executions


class States:
    """Answers describe_execution with one description after the other."""

    def __init__(self, *descriptions: dict[str, Any]) -> None:
        self._descriptions = itertools.chain(descriptions, itertools.repeat(descriptions[-1]))

    def start_execution(self, **request: Any) -> dict[str, Any]:
        assert request == {"stateMachineArn": "machine", "input": '{"a": 1}'}
        return {"executionArn": "execution"}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        return next(self._descriptions)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "POLL_SECONDS", 0.0)


def ended(monkeypatch: pytest.MonkeyPatch, **description: Any) -> executions.Ended:
    states = States({"status": "RUNNING"}, description)
    monkeypatch.setattr(executions, "client", lambda: states)
    return executions.wait(executions.start("machine", {"a": 1}), seconds=10)


def test_the_output_of_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, status="SUCCEEDED", output='{"a": 1}')
    assert (found.status, found.output, found.cause) == ("SUCCEEDED", {"a": 1}, "")


@pytest.mark.parametrize(
    ("description", "cause"),
    [
        ({"cause": "the endpoint failed"}, "the endpoint failed"),
        ({"cause": json.dumps({"errorType": "X", "errorMessage": "in words"})}, "in words"),
        ({"cause": "[1]"}, "[1]"),
        ({"error": "States.Timeout"}, "States.Timeout"),
        ({}, ""),
    ],
)
def test_the_cause_of_a_failure(monkeypatch: pytest.MonkeyPatch, description: dict[str, Any], cause: str) -> None:
    assert ended(monkeypatch, status="FAILED", **description).cause == cause


def test_an_execution_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "client", lambda: States({"status": "RUNNING"}))
    with pytest.raises(TimeoutError, match="execution still runs after 0 s"):
        executions.wait("execution", seconds=0)
