"""The demo stage, deployed by the real `cdk deploy`: its API answers, signed requests only."""

from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.docs import openapi
from tests.infra.api import post

pytestmark = pytest.mark.slow

Outputs = dict[str, str]


def test_the_outputs_name_what_was_made(deployed: Outputs, sandbox: Sandbox) -> None:
    assert len(deployed) == 13
    sandbox.client("s3").head_bucket(Bucket=deployed["BucketName"])
    for table in ("ExperimentsTableName", "AssignmentsTableName"):
        sandbox.client("dynamodb").describe_table(TableName=deployed[table])
    sandbox.client("firehose").describe_delivery_stream(DeliveryStreamName=deployed["DeliveryStreamName"])
    for group in ("ChampionGroupName", "ChallengerGroupName"):
        sandbox.client("sagemaker").describe_model_package_group(ModelPackageGroupName=deployed[group])
    for role in ("PipelineRoleArn", "ModelExecutionRoleArn"):
        sandbox.client("iam").get_role(RoleName=deployed[role].rpartition("/")[2])


def test_an_unknown_endpoint_is_404(deployed: Outputs) -> None:
    status, document = post(deployed["ApiEndpoint"] + "stats", {"endpoint_name": "sagemaker-reviews-none"})
    assert (status, document["error"]["code"]) == (404, "NotFound")
    assert "sagemaker-reviews-none" in document["error"]["message"]


@pytest.mark.parametrize("route", [path.strip("/") for path in openapi.routes()])
def test_an_unsigned_request_is_403_in_the_same_shape(deployed: Outputs, route: str) -> None:
    status, document = post(deployed["ApiEndpoint"] + route, {}, sign=False)
    assert (status, document["error"]["code"]) == (403, "Forbidden")
    assert document["error"]["message"]


def test_a_clients_mistake_is_400(deployed: Outputs) -> None:
    status, document = post(deployed["ApiEndpoint"] + "invocation", {"endpoint_name": "sagemaker-reviews-none"})
    assert (status, document["error"]["code"]) == (400, "BadRequest")


def test_rebalance_without_an_experiment_succeeds(deployed: Outputs, sandbox: Sandbox) -> None:
    states = sandbox.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=deployed["RebalanceStateMachineArn"], input='{"endpoint_name": "sagemaker-reviews-none"}'
    )

    def ended() -> Any:
        execution = states.describe_execution(executionArn=started["executionArn"])
        return execution if execution["status"] != "RUNNING" else None

    assert wait_for(ended)["status"] == "SUCCEEDED"
