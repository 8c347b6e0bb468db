import json

import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters import alarms, executions
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli import readmit
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks
from abtest.operations.take_out import take_out
from tests.adapters.samples import ENDPOINT, NOW, begin, config, experiment, plan

OUTPUTS = {"ExperimentsTableName": "experiments", "EndpointName": ENDPOINT, "RebalanceStateMachineArn": "arn:rebalance"}


@pytest.fixture
def started(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Machines that were started; Challenger1 is out."""
    made: list[str] = []

    def start(machine: str, data: dict[str, str]) -> str:
        made.append(f"{machine} {data['endpoint_name']}")
        return "arn:run"

    monkeypatch.setattr(stacks, "outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(stacks, "load_config", lambda _: config(canary={}))
    monkeypatch.setattr(executions, "start", start)
    begin(experiments, experiment(plan()))
    take_out(experiments, ENDPOINT, "Challenger1", "slow", rebalance_arn="", execution="event", now=NOW)
    made.clear()
    return made


def invoke(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(readmit.readmit)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_a_variant_is_put_back(experiments: ExperimentsTable, started: list[str]) -> None:
    assert invoke("Challenger1").startswith("Challenger1 is back")
    running = experiments.current(ENDPOINT)
    assert running is not None and running.out == {}
    assert started == [f"arn:rebalance {ENDPOINT}"]
    with pytest.raises(UserError, match="is not out"):
        invoke("Challenger1")


def test_the_result_as_json(started: list[str]) -> None:
    assert json.loads(invoke("Challenger1", "--json")) == {
        "endpoint_name": ENDPOINT,
        "variant_name": "Challenger1",
        "execution_arn": "arn:run",
    }


def test_not_while_its_alarm_stands(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "raised", lambda *_: ["e/Challenger1/latency"])
    with pytest.raises(UserError, match="e/Challenger1/latency still stands: wait"):
        invoke("Challenger1")
    assert started == []
