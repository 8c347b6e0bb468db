"""Step Functions' Lambda tasks need the machine's role to allow the invocation, where identities are verified."""

import json
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import stepfunctions

from abtest.sandbox import clients
from abtest.sandbox.patches import sdk_tasks
from abtest.sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Checks the caller. AWS: lambda:InvokeFunction by the machine's role. MiniStack: runs it, whoever asks."""
    assert callable(stepfunctions._call_lambda)
    if settings.verify_identities:
        stepfunctions._call_lambda = call


def call(function: str, event: Any) -> Any:
    client = clients.client("lambda", stepfunctions.get_region(), role=sdk_tasks.role.get())
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    except ClientError as error:
        name = type(error).__name__ if type(error) is not ClientError else "AWSLambdaException"
        raise stepfunctions._ExecutionError(f"Lambda.{name}", error.response["Error"].get("Message", "")) from error
    body = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise stepfunctions._ExecutionError(json.loads(body).get("errorType", "Lambda.Unknown"), body)
    return json.loads(body) if body else None
