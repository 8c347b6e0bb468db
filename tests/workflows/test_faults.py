"""Faults of approvals and of SageMaker that build-endpoint must get over."""

import pytest

from tests.conftest import Sandbox, wait_for
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow


def test_events_out_of_order_end_in_what_the_registry_says(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "disorder").deploy("build_endpoint")
    stage.start_on_approval()
    older, champion = stage.register("champion"), stage.register("champion")
    challenger = stage.register("challenger", "other")

    # The challenger first: there is nothing yet that it could challenge.
    stage.approve(challenger)
    assert {execution["status"] for execution in stage.settled(1)} == {"SUCCEEDED"}
    assert stage.endpoints() == []
    stage.approve(champion)
    stage.settled(2)
    wait_for(lambda: stage.weights() == {"Champion2": 0.5, "Challenger1": 0.5})

    # The older champion's approval comes last, and is none the newer for it.
    before, experiment = stage.endpoint(), stage.items()["EXPERIMENT"]
    stage.approve(older)
    assert {execution["status"] for execution in stage.settled(3)} == {"SUCCEEDED"}
    assert stage.endpoint()["EndpointConfigName"] == before["EndpointConfigName"]
    assert stage.endpoint()["LastModifiedTime"] == before["LastModifiedTime"]
    assert stage.items()["EXPERIMENT"] == experiment


def test_a_refused_creation_is_a_failure_with_the_cause_and_the_next_run_creates(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "refused").deploy("build_endpoint")
    stage.approve(stage.register("champion"))
    stage.spoil("build_endpoint", "CreateEndpoint", EndpointConfigName="none")
    failed = stage.run("spoiled")
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "Could not find endpoint configuration" in failed["cause"]
    assert stage.endpoints() == []
    assert "EXPERIMENT" not in stage.items()
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}

    assert stage.run()["status"] == "SUCCEEDED"
    assert stage.weights() == {"Champion1": 1.0}
