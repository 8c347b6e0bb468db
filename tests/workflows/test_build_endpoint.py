"""build-endpoint in the sandbox, with its real functions."""

import pytest

from tests.conftest import Sandbox
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow


def experiment_id(stage: Stage) -> str:
    found: str = stage.items()["EXPERIMENT"]["experiment_id"]["S"]
    return found


def test_champion_and_challenger_approved_at_once_end_in_one_right_endpoint(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "at-once").deploy()
    stage.start_on_approval()
    champion, challenger = stage.register("champion"), stage.register("challenger", "other")
    stage.approve(champion)
    stage.approve(challenger)
    executions = stage.settled(2)
    assert {execution["status"] for execution in executions} == {"SUCCEEDED"}
    assert stage.endpoint()["EndpointStatus"] == "InService"
    assert stage.weights() == {"Champion1": 0.5, "Challenger1": 0.5}
    assert experiment_id(stage) == "at-once-dev-v1-1"
    packages = {v["M"]["model_package_arn"]["S"] for v in stage.items()["EXPERIMENT"]["variants"]["L"]}
    assert packages == {champion, challenger}
    config = stage.endpoint()["EndpointConfigName"]
    assert config.startswith("sagemaker-at-once-dev-")

    before = stage.items()["EXPERIMENT"]
    assert stage.run()["status"] == "SUCCEEDED"  # as the same event once more would
    assert stage.items()["EXPERIMENT"] == before
    assert stage.endpoint()["EndpointConfigName"] == config


def test_nothing_approved_is_nothing_to_do(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "nothing").deploy()
    stage.register("champion")
    ended = stage.run()
    assert ended["status"] == "SUCCEEDED"
    assert set(stage.items()) == {"LEASE"}
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_a_corrupt_model_leaves_the_old_endpoint_serving(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "corrupt").deploy()
    stage.approve(stage.register("champion"))
    assert stage.run()["status"] == "SUCCEEDED"
    before, experiment = stage.endpoint(), stage.items()["EXPERIMENT"]
    stage.approve(stage.register("challenger", "corrupt"))
    failed = stage.run()
    assert (failed["status"], failed["error"]) == ("FAILED", "EndpointFailed")
    assert "Challenger1" in failed["cause"]
    assert failed["cause"] == stage.endpoint()["FailureReason"]
    assert stage.endpoint()["EndpointStatus"] == "InService"
    assert stage.endpoint()["EndpointConfigName"] == before["EndpointConfigName"]
    assert stage.items()["EXPERIMENT"] == experiment
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_an_endpoint_that_failed_to_start_is_replaced(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "replaced").deploy()
    corrupt = stage.register("champion", "corrupt")
    stage.approve(corrupt)
    assert stage.run()["status"] == "FAILED"
    assert stage.endpoint()["EndpointStatus"] == "Failed"
    stage.approve(stage.register("champion"))
    assert stage.run()["status"] == "SUCCEEDED"
    assert stage.weights() == {"Champion2": 1.0}


def test_a_challenger_joins_and_a_new_champion_begins_anew(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "joins").deploy()
    stage.approve(stage.register("champion"))
    stage.run()
    assert stage.weights() == {"Champion1": 1.0}
    stage.approve(stage.register("challenger", "other"))
    stage.run()
    assert stage.weights() == {"Champion1": 0.5, "Challenger1": 0.5}
    assert experiment_id(stage) == "joins-dev-v1-1"
    assert "DECISION#joins-dev-v1-1#000001" in stage.items()
    stage.approve(stage.register("champion", "other"))
    stage.run()
    assert stage.weights() == {"Champion2": 1.0}
    assert experiment_id(stage) == "joins-dev-v2-1"
    assert "PAST#joins-dev-v1-1" in stage.items()
