"""A challenger in shadow in the sandbox: nobody gets its answers, and it serves only once it has passed."""

import re
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ended
from tests.workflows.stage import Stage
from tests.workflows.test_canary import alarms, experiment
from tests.workflows.test_rebalance import shares

pytestmark = pytest.mark.slow

SHADOW = {"minutes": 0.1, "least_requests": 10, "most_latency_ratio": 1000}  # under a millisecond each


def shadows(stage: Stage) -> list[str]:
    described = stage.endpoint()
    found = described.get("ShadowProductionVariants", []) if described["EndpointStatus"] == "InService" else []
    return [variant["VariantName"] for variant in found]


def verdicts(stage: Stage) -> list[dict[str, Any]]:
    return [item for key, item in stage.items().items() if key.startswith("SHADOW#")]


def in_shadow(stage: Stage, artefact: str) -> tuple[str, str]:
    """Approves a challenger and waits until it is in shadow and the lease is free; its ARN and the execution's."""
    arn = stage.register("challenger", artefact)
    stage.approve(arn)
    execution = stage.start()
    name = f"Challenger{arn.rsplit('/', 1)[1]}"
    wait_for(lambda: stage.endpoints() and shadows(stage) == [name], 30)
    wait_for(lambda: verdicts(stage) and stage.items()["LEASE"]["holder"] == {"NULL": True}, 30)
    return arn, execution


def serve(stage: Stage, count: int = 15) -> None:
    for number in range(count):
        status, answer = stage.invoke(f"user-{number}")
        assert (status in (200, 201), answer["endpoint_variant"]) == (True, "Champion1")


def test_a_challenger_that_agrees_passes_and_becomes_a_canary(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "agrees", shadow=SHADOW, canary={"share": 0.1}).deploy("build_endpoint")
    stage.approve(stage.register("champion"))
    _, execution = in_shadow(stage, "good")
    assert shares(stage) == stage.weights() == {"Champion1": 1.0}
    assert alarms(stage) == []
    serve(stage)
    assert ended(sandbox, execution, 90)["status"] == "SUCCEEDED"
    assert shadows(stage) == []
    assert shares(stage) == stage.weights() == {"Champion1": 0.9, "Challenger1": 0.1}
    assert len(alarms(stage)) == 1
    assert experiment(stage)["experiment_id"]["S"] == "agrees-dev-v1-1"
    (verdict,) = verdicts(stage)
    assert verdict["passed"] == {"BOOL": True}
    assert re.match(r"the labels agree in (1\d) of \1 requests, 0 failed, latency ", verdict["reason"]["S"])
    assert stage.run()["status"] == "SUCCEEDED"  # looking anew changes nothing
    assert stage.weights() == {"Champion1": 0.9, "Challenger1": 0.1}


@pytest.mark.parametrize(
    ("artefact", "reason"),
    [
        ("other", r"the labels agree in 0 of 1\d requests, 0.8 is the least\."),
        ("failing", r"(1\d) of \1 requests failed, 0.05 is the most\."),
    ],
)
def test_a_challenger_that_does_not_pass_is_rejected_with_the_figures(
    sandbox: Sandbox, artefact: str, reason: str
) -> None:
    stage = Stage(sandbox, f"differs-{artefact}", shadow=SHADOW).deploy("build_endpoint")
    stage.approve(stage.register("champion"))
    arn, execution = in_shadow(stage, artefact)
    serve(stage)
    assert ended(sandbox, execution, 90)["status"] == "SUCCEEDED"
    assert shadows(stage) == []
    assert shares(stage) == stage.weights() == {"Champion1": 1.0}
    package = stage.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Rejected"
    (verdict,) = verdicts(stage)
    assert verdict["passed"] == {"BOOL": False}
    assert re.fullmatch(reason, verdict["reason"]["S"])
    assert package["ApprovalDescription"] == f"Shadow: {verdict['reason']['S']}"


def test_who_is_rejected_meanwhile_is_in_shadow_no_more(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "rejects", shadow=SHADOW | {"minutes": 60}).deploy("build_endpoint")
    stage.approve(stage.register("champion"))
    arn, execution = in_shadow(stage, "good")
    stage.approve(arn, "Rejected")
    assert ended(sandbox, execution, 90)["status"] == "SUCCEEDED"
    assert stage.endpoint()["EndpointStatus"] == "InService"
    assert shadows(stage) == []
    assert verdicts(stage) == []
    assert shares(stage) == stage.weights() == {"Champion1": 1.0}
    package = stage.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Rejected"


def test_an_approval_meanwhile_is_honoured(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "meanwhile", shadow=SHADOW | {"least_requests": 1000}).deploy("build_endpoint")
    stage.approve(stage.register("champion"))
    _, first = in_shadow(stage, "other")
    _, second = in_shadow(stage, "good")
    assert ended(sandbox, first, 60)["status"] == "SUCCEEDED"
    assert shadows(stage) == ["Challenger2"]
    assert stage.states.describe_execution(executionArn=second)["status"] == "RUNNING"
    stage.states.stop_execution(executionArn=second)
