import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters.executions import Ended
from abtest.cli import rebalance
from abtest.cli.shown import summary
from abtest.cli.shown.output import UserError

DECISION = {"decision_id": "e-d000001", "new_shares": {"Champion1": 0.25, "Challenger1": 0.75}, "reason": "It leads."}


OUTPUTS = {"RebalanceStateMachineArn": "machine", "EndpointName": "own", "ExperimentsTableName": "experiments"}


class Executions:
    """In place of the adapter."""

    def __init__(self, ended: Ended | None) -> None:
        self._ended = ended

    def start(self, machine_arn: str, data: dict[str, str]) -> str:
        assert (machine_arn, data) == ("machine", {"endpoint_name": "own"})
        return "execution"

    def wait(self, execution_arn: str, *, seconds: float) -> Ended:
        if self._ended is None:
            raise TimeoutError(f"{execution_arn} still runs after {seconds:.0f} s")
        return self._ended


def invoke(monkeypatch: pytest.MonkeyPatch, ended: Ended | None, *arguments: str) -> str:
    monkeypatch.setattr(rebalance, "outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(rebalance, "executions", Executions(ended))
    app = typer.Typer()
    app.command()(rebalance.rebalance)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def succeeded(output: dict[str, Any]) -> Ended:
    return Ended("execution", "SUCCEEDED", output, "")


def test_without_waiting_it_prints_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke(monkeypatch, None) == "execution\n"
    assert json.loads(invoke(monkeypatch, None, "--json")) == {"execution_arn": "execution"}


def test_waiting_prints_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = succeeded({"decision": DECISION, "move": True})
    assert invoke(monkeypatch, ended, "--wait") == "e-d000001: Champion1 25.0%, Challenger1 75.0%. It leads.\n"
    assert json.loads(invoke(monkeypatch, ended, "--wait", "--json"))["decision"] == DECISION


def test_an_endpoint_that_nobody_knows_is_a_mistake_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def latest(table_name: str, endpoint_name: str) -> None:
        raise UserError(f"{endpoint_name} has no experiment yet")

    monkeypatch.setattr(summary, "latest", latest)
    with pytest.raises(UserError, match="churn has no experiment yet"):
        invoke(monkeypatch, None, "--endpoint", "churn")


def test_no_experiment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = succeeded({"running": False, "message": "No experiment runs on x.", "evidence": ""})
    assert "No experiment runs on x." in invoke(monkeypatch, ended, "--wait")


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Ended("execution", "FAILED", {}, "the endpoint failed"), "rebalance failed: the endpoint failed"),
        (Ended("execution", "TIMED_OUT", {}, ""), "rebalance timed out: no cause is given"),
        (None, "execution still runs after 3600 s"),
    ],
)
def test_a_failure_says_why(monkeypatch: pytest.MonkeyPatch, ended: Ended | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        invoke(monkeypatch, ended, "--wait")
