"""Lambda functions and state machines for tests, made from a few lines."""

import io
import json
import zipfile
from typing import Any

from tests.conftest import Sandbox, wait_for

ROLE = "arn:aws:iam::000000000000:role/test"


def create_function(sandbox: Sandbox, name: str, source: str, **settings: Any) -> str:
    """A Python function whose handler is `handler` in `source`; returns its ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", source)
    arn: str = sandbox.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="main.handler",
        Code={"ZipFile": archive.getvalue()},
        **{"Timeout": 30, "Role": ROLE, **settings},
    )["FunctionArn"]
    return arn


def create_machine(sandbox: Sandbox, name: str, definition: dict[str, Any]) -> str:
    arn: str = sandbox.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    return arn


def task(resource: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A machine of one task."""
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters or {}, "End": True, **more}
    return {"StartAt": "Task", "States": {"Task": state}}


def ended(sandbox: Sandbox, execution: str, seconds: float = 30.0) -> dict[str, Any]:
    """The description of the execution once it runs no more."""

    def description() -> Any:
        found = sandbox.client("stepfunctions").describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    result: dict[str, Any] = wait_for(description, seconds)
    return result


def run(sandbox: Sandbox, machine: str, data: Any = None, **more: Any) -> dict[str, Any]:
    """Starts an execution and waits for its end."""
    states = sandbox.client("stepfunctions")
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(data or {}), **more)
    return ended(sandbox, started["executionArn"])
