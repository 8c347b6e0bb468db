"""A stack's API can be reached at its output, by signed requests only; the types that MiniStack lacks work."""

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE, create_function

pytestmark = pytest.mark.slow

Headers = dict[str, str]
Factory = Callable[..., Sandbox]

GROUP = {
    "Type": "AWS::SageMaker::ModelPackageGroup",
    "Properties": {"ModelPackageGroupName": "from-a-stack", "ModelPackageGroupDescription": "test"},
}
HANDLER = 'def handler(event, context): return {"statusCode": 200, "body": event["body"]}'
URL = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev/"
REFUSAL = '{"error": {"code": "$context.error.responseType", "message": $context.error.messageString}}'


def api(function: str) -> dict[str, Any]:
    """A template with one method POST /echo that wants a signature."""
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    method = {
        "RestApiId": {"Ref": "Api"},
        "ResourceId": {"Ref": "Echo"},
        "HttpMethod": "POST",
        "AuthorizationType": "AWS_IAM",
        "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri},
    }
    refusal = {
        "RestApiId": {"Ref": "Api"},
        "ResponseType": "DEFAULT_4XX",
        "ResponseTemplates": {"application/json": REFUSAL},
    }
    parent = {"RestApiId": {"Ref": "Api"}, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "echo"}
    stage = {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "dev"}
    resources = {
        "Api": ("RestApi", {"Name": "echo"}),
        "Echo": ("Resource", parent),
        "Method": ("Method", method),
        "Refusal": ("GatewayResponse", refusal),
        "Deployment": ("Deployment", {"RestApiId": {"Ref": "Api"}}),
        "Stage": ("Stage", stage),
    }
    described: dict[str, Any] = {
        k: {"Type": f"AWS::ApiGateway::{t}", "Properties": p} for k, (t, p) in resources.items()
    }
    described["Deployment"]["DependsOn"] = ["Method", "Refusal"]
    return {
        "Resources": described,
        "Outputs": {"ApiEndpoint": {"Value": {"Fn::Sub": URL}}},
    }


def create(sandbox: Sandbox, name: str, template: dict[str, Any]) -> dict[str, str]:
    """Outputs of the created stack."""
    stacks = sandbox.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    described = stacks.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def post(url: str, body: str, headers: Headers) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
    connection.request("POST", parts.path, body, headers)
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    return response.status, document


def signed(url: str, body: str, user: tuple[str, str] = ("test", "test"), service: str = "execute-api") -> Headers:
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*user), service, "us-east-1").add_auth(request)
    return dict(request.headers)


def test_the_output_of_an_api_is_reached_by_signed_requests_only(sandbox: Sandbox) -> None:
    function = create_function(sandbox, "stack-echo", HANDLER)
    endpoint = create(sandbox, "echo", api(function))["ApiEndpoint"]
    assert endpoint.startswith(f"{sandbox.url}/_aws/execute-api/") and endpoint.endswith("/dev/")
    url, body = endpoint + "echo", '{"a": 1}'
    assert post(url, body, signed(url, body)) == (200, {"a": 1})
    for headers, code in (
        ({}, "MISSING_AUTHENTICATION_TOKEN"),
        ({"Authorization": "Bearer x"}, "DEFAULT_4XX"),
        (signed(url, body, ("test", "wrong")), "INVALID_SIGNATURE"),
        (signed(url, body + " "), "INVALID_SIGNATURE"),
        (signed(url, body, service="lambda"), "INVALID_SIGNATURE"),
        (signed(url, body, ("AKIAUNKNOWN000000000", "test")), "DEFAULT_4XX"),
    ):
        status, document = post(url, body, headers)
        assert (status, document["error"]["code"]) == (403, code)


def test_a_model_package_group_comes_and_goes_with_its_stack(sandbox: Sandbox) -> None:
    create(sandbox, "groups", {"Resources": {"Group": GROUP}})
    found = sandbox.client("sagemaker").describe_model_package_group(ModelPackageGroupName="from-a-stack")
    assert found["ModelPackageGroupDescription"] == "test"
    sandbox.client("cloudformation").delete_stack(StackName="groups")

    def groups() -> Any:
        listed = sandbox.client("sagemaker").list_model_package_groups(NameContains="from-a-stack")
        return listed["ModelPackageGroupSummaryList"]

    wait_for(lambda: not groups())


def buckets(sandbox: Sandbox) -> list[str]:
    return [found["Name"] for found in sandbox.client("s3").list_buckets()["Buckets"]]


def test_a_bucket_that_its_stack_empties_goes_with_the_stack_and_stays_gone(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory()
    empty = {
        "Type": "Custom::S3AutoDeleteObjects",
        "Properties": {"ServiceToken": ROLE, "BucketName": {"Ref": "Bucket"}},
        "DependsOn": "Bucket",
    }
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "goes-with-its-stack"}}
    create(sandbox, "buckets", {"Resources": {"Bucket": bucket, "Empty": empty}})
    sandbox.client("s3").put_object(Bucket="goes-with-its-stack", Key="k", Body=b"x")
    sandbox.client("cloudformation").delete_stack(StackName="buckets")
    wait_for(lambda: "goes-with-its-stack" not in buckets(sandbox))
    sandbox.restart()
    assert "goes-with-its-stack" not in buckets(sandbox)


def test_a_bucket_with_objects_keeps_its_stack_from_being_deleted(sandbox: Sandbox) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "still-full"}}
    create(sandbox, "full", {"Resources": {"Bucket": bucket}})
    sandbox.client("s3").put_object(Bucket="still-full", Key="k", Body=b"x")
    stacks = sandbox.client("cloudformation")
    stacks.delete_stack(StackName="full")
    wait_for(lambda: stacks.describe_stacks(StackName="full")["Stacks"][0]["StackStatus"] == "DELETE_FAILED")
    assert "still-full" in buckets(sandbox)
