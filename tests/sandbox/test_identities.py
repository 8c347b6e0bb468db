"""With --verify-identities roles may do what their policies say, and no more."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Sandbox, free_port, wait_for
from tests.sandbox.functions import create_function, run, task

pytestmark = pytest.mark.slow

SDK = "arn:aws:states:::aws-sdk:"
ANY_SERVICE = ["lambda.amazonaws.com", "states.amazonaws.com", "events.amazonaws.com", "firehose.amazonaws.com"]
HANDLER = """
import boto3
def handler(event, context):
    return boto3.client("sagemaker").list_endpoints()["Endpoints"]
"""


@pytest.fixture(scope="module")
def verifying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("verifying")
    started = Sandbox(free_port(), folder, ("--verify-identities",)).start()
    yield started
    started.stop()


def role(sandbox: Sandbox, name: str, **allowed: str) -> str:
    """A role that may do the actions (service_Action="resource"); returns its ARN."""
    statements = [
        {"Effect": "Allow", "Action": action.replace("_", ":", 1), "Resource": resource}
        for action, resource in allowed.items()
    ]
    trust = {"Effect": "Allow", "Principal": {"Service": ANY_SERVICE}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam = sandbox.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=policy)
    return arn


def machine(sandbox: Sandbox, name: str, role_arn: str, definition: dict[str, Any]) -> str:
    states = sandbox.client("stepfunctions")
    arn: str = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role_arn)[
        "stateMachineArn"
    ]
    return arn


def test_an_unknown_key_is_refused(verifying: Sandbox) -> None:
    client = verifying.client("sagemaker")
    client._request_signer._credentials.access_key = "AKIAUNKNOWN000000000"
    with pytest.raises(ClientError) as refused:
        client.list_endpoints()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


def test_a_machines_role_needs_the_permission_for_the_resource(verifying: Sandbox) -> None:
    definition = task(SDK + "sagemaker:describeEndpoint", {"EndpointName": "mine"})
    mine = role(verifying, "machine-mine", sagemaker_DescribeEndpoint="arn:aws:sagemaker:*:*:endpoint/mine")
    other = role(verifying, "machine-other", sagemaker_DescribeEndpoint="arn:aws:sagemaker:*:*:endpoint/other")
    allowed = run(verifying, machine(verifying, "mine", mine, definition))
    assert "Could not find endpoint" in allowed["cause"]
    denied = run(verifying, machine(verifying, "other", other, definition))
    assert denied["error"] == "SageMaker.SageMakerException"
    assert "is not authorized to perform: sagemaker:DescribeEndpoint" in denied["cause"]


def test_a_functions_role_and_its_callers_role_both_count(verifying: Sandbox) -> None:
    may_list = role(verifying, "function-may", sagemaker_ListEndpoints="*")
    may_not = role(verifying, "function-may-not")
    caller = role(verifying, "caller", lambda_InvokeFunction="*")
    for name, own in (("may", may_list), ("may-not", may_not)):
        create_function(verifying, f"lists-{name}", HANDLER, Role=own)
    functions = "arn:aws:lambda:us-east-1:000000000000:function:lists-"
    fine = run(verifying, machine(verifying, "fine", caller, task(functions + "may")))
    assert json.loads(fine["output"]) == []
    denied = run(verifying, machine(verifying, "denied", caller, task(functions + "may-not")))
    assert denied["error"] == "ClientError"
    unable = run(verifying, machine(verifying, "unable", may_list, task(functions + "may")))
    assert unable["error"].startswith("Lambda.")
    assert "lambda:InvokeFunction" in unable["cause"]


def test_a_delivery_stream_needs_its_role_and_delivers_once_it_has_it(verifying: Sandbox) -> None:
    verifying.client("s3").create_bucket(Bucket="guarded")
    writer = role(verifying, "writer")
    verifying.client("firehose").create_delivery_stream(
        DeliveryStreamName="guarded",
        ExtendedS3DestinationConfiguration={
            "BucketARN": "arn:aws:s3:::guarded",
            "RoleARN": writer,
            "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1},
        },
    )
    verifying.client("firehose").put_record(DeliveryStreamName="guarded", Record={"Data": b"{}\n"})
    wait_for(lambda: "not delivered to s3://guarded" in verifying.log)
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::guarded/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    verifying.client("iam").put_role_policy(RoleName="writer", PolicyName="write", PolicyDocument=policy)
    wait_for(lambda: verifying.client("s3").list_objects_v2(Bucket="guarded").get("Contents"))
