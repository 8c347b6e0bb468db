"""IAM covers SageMaker's actions and resources, alarms and TLS, where the sandbox verifies identities."""

import json
from typing import Any

from ministack import app
from ministack.core import iam_actions

from abtest.sandbox.sagemaker.inference import PATH as INVOCATION

Json = dict[str, Any]


def install() -> None:
    secure_transport()
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    action, resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def extract_iam_action(service: str, method: str, path: str, *rest: Any) -> Any:
        if service == "sagemaker" and INVOCATION.match(path):
            return "sagemaker:InvokeEndpoint"
        return action(service, method, path, *rest)

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Json, body: bytes, query: Json, region: str, account: str
    ) -> Any:
        if service == "monitoring":
            return _alarm(body, f"arn:aws:cloudwatch:{region}:{account}:alarm")
        if service != "sagemaker":
            return resource(service, method, path, headers, body, query, region, account)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        return _resource(operation, path, body, f"arn:aws:sagemaker:{region}:{account}")

    iam_actions.extract_iam_action, iam_actions.extract_resource_arn = extract_iam_action, extract_resource_arn


def _alarm(body: bytes, prefix: str) -> str:
    """Returns the alarm to check: AWS checks each of several, here the first counts, as MiniStack knows one only."""
    request = json.loads(body) if body.startswith(b"{") else {}
    names = [request["AlarmName"]] if "AlarmName" in request else request.get("AlarmNames")
    return f"{prefix}:{names[0]}" if names else "*"


def secure_transport() -> None:
    """Takes the sandbox's plain HTTP for TLS: AWS is reached by that, and bucket policies demand it."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, _secure: pin(address, True)


# The member of a request that names its resource, and the kind in the resource's ARN.
RESOURCES = {
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "PipelineName": "pipeline",
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "TransformJobName": "transform-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "ModelPackageGroupName": "model-package-group",
}


def _resource(operation: str, path: str, body: bytes, prefix: str) -> str:
    invoked = INVOCATION.match(path)
    if invoked:
        return f"{prefix}:endpoint/{invoked[1].lower()}"
    request = json.loads(body or b"{}")
    if operation == "ListModelPackages":
        return f"{prefix}:model-package/{request.get('ModelPackageGroupName', '*').lower()}/*"
    if request.get("ModelPackageName", "").startswith("arn:"):
        return str(request["ModelPackageName"])
    for member, kind in RESOURCES.items():
        if member in request:
            return f"{prefix}:{kind}/{request[member].lower()}"
    arns = [value for name, value in request.items() if name.endswith("Arn") and isinstance(value, str)]
    return next((arn for arn in arns if arn.startswith("arn:aws:sagemaker:")), "*")
