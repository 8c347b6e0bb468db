"""Step Functions' `events:putEvents` and `aws-sdk:<service>:<action>` tasks, for every service, over boto3 on our port.

MiniStack knows some services, answers numbers as strings for two of them, and reports the wire's error codes;
AWS converts names as the Java SDK writes them and reports `SageMaker.SageMakerException` and the like.
"""

import contextvars
import datetime
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from ministack.services import stepfunctions

from abtest.sandbox import clients

# As in resource ARNs, where they are not boto3's own names.
CLIENTS = {
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
}
PREFIXES = stepfunctions._AWS_SDK_ERROR_PREFIX | {
    "sagemaker": "SageMaker",
    "sagemakerruntime": "SageMakerRuntime",
    "eventbridge": "EventBridge",
    "scheduler": "Scheduler",
    "firehose": "Firehose",
}

Json = dict[str, Any]

# Of the machine whose execution this thread runs.
role: contextvars.ContextVar[str] = contextvars.ContextVar("role", default="")


def install() -> None:
    assert callable(stepfunctions._invoke_aws_sdk_integration)
    stepfunctions._invoke_aws_sdk_integration = invoke
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::events:putEvents"] = put_events
    run = stepfunctions._run_execution

    def run_execution(arn: str) -> None:
        machine = stepfunctions._state_machines.get(stepfunctions._executions[arn]["stateMachineArn"]) or {}
        role.set(machine.get("roleArn", ""))
        run(arn)

    stepfunctions._run_execution = run_execution


def invoke(resource: str, arguments: Any) -> Any:
    """Returns the result of the task; raises MiniStack's execution error with AWS's error name."""
    service, action = resource.replace(".waitForTaskToken", "").split(":")[6:8]
    name = CLIENTS.get(service.lower(), service.lower())
    # The service validates requests, not the client: its errors are those that a machine can catch.
    client = clients.client(name, stepfunctions.get_region(), role=role.get(), validated=False)
    model = client.meta.service_model.operation_model(action[0].upper() + action[1:])
    request = _to_wire(arguments, model.input_shape) if model.input_shape and isinstance(arguments, dict) else {}
    prefix = PREFIXES.get(service.lower(), service[:1].upper() + service[1:])
    try:
        return _from_wire(client._make_api_call(model.name, request), model.output_shape)
    except ClientError as error:
        raise stepfunctions._ExecutionError(_error_name(prefix, error), _cause(prefix, error)) from error
    except BotoCoreError as error:
        raise stepfunctions._ExecutionError(f"{prefix}.SdkClientException", str(error)) from error


def put_events(_resource: str, arguments: Json) -> Any:
    """Puts events. AWS: asks as the machine's role, and fails if the bus refuses an entry. MiniStack: does neither."""
    result = invoke("arn:aws:states:::aws-sdk:eventbridge:putEvents", arguments)
    if result["FailedEntryCount"]:
        raise stepfunctions._ExecutionError("EventBridge.FailedEntry", json.dumps(result["Entries"]))
    return result


def _error_name(prefix: str, error: ClientError) -> str:
    """Returns the name of an error: its own class if the service models it, else the service's general one."""
    name = type(error).__name__
    if name == "ClientError":
        name = prefix
    return f"{prefix}.{name}" + ("" if name.endswith("Exception") else "Exception")


def _cause(prefix: str, error: ClientError) -> str:
    status, request_id = (error.response["ResponseMetadata"].get(key) for key in ("HTTPStatusCode", "RequestId"))
    message = error.response["Error"].get("Message")
    return f"{message} (Service: {prefix}, Status Code: {status}, Request ID: {request_id})"


def _to_wire(value: Any, shape: Shape) -> Any:
    """Returns `value` with the API's member names; a member that the API lacks fails the task, as on AWS."""
    if shape.type_name == "structure" and isinstance(value, dict):
        names = _member_names(shape)
        unknown = [name for name in value if name.lower() not in names]
        if unknown:
            message = f"The field {unknown[0]!r} is not supported by {shape.name}"
            raise stepfunctions._ExecutionError("States.Runtime", message)
        members = {names[name.lower()]: item for name, item in value.items()}
        return {name: _to_wire(item, shape.members[name]) for name, item in members.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_to_wire(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _to_wire(item, shape.value) for key, item in value.items()}
    if shape.type_name == "blob" and not isinstance(value, bytes):
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    if shape.type_name == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _member_names(shape: Shape) -> dict[str, str]:
    """Returns the API's member names by their lower-case form: the Java SDK's differ in the case of letters only."""
    return {name.lower(): name for name in shape.members}


def _from_wire(value: Any, shape: Shape | None) -> Any:
    """Returns `value` in JSON's types: times in ISO 8601, member names as the Java SDK writes them."""
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, dict):
        return {
            stepfunctions._api_name_to_sfn_key(name): _from_wire(item, shape.members.get(name))  # type: ignore[union-attr]
            for name, item in value.items()
            if name != "ResponseMetadata"
        }
    if kind == "list" and isinstance(value, list):
        return [_from_wire(item, shape.member) for item in value]  # type: ignore[union-attr]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_wire(item, shape.value) for key, item in value.items()}  # type: ignore[union-attr]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "read"):
        value = value.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
