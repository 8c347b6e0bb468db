"""Executions of a Step Functions machine, started by hand."""

import dataclasses
import functools
import json
import time
from collections.abc import Mapping
from typing import Any

import boto3

POLL_SECONDS = 0.5


@functools.cache
def client() -> Any:
    return boto3.client("stepfunctions")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How an execution ended: `output` if it succeeded, else `cause`, as a sentence."""

    execution_arn: str
    status: str
    output: dict[str, Any]
    cause: str


def start(machine_arn: str, data: Mapping[str, Any]) -> str:
    """The ARN of a new execution with the input `data`."""
    arn: str = client().start_execution(stateMachineArn=machine_arn, input=json.dumps(data))["executionArn"]
    return arn


def newest(machine_arn: str, status: str) -> str | None:
    """The ARN of the machine's newest execution that is RUNNING, FAILED ...; None if there is none."""
    found = client().list_executions(stateMachineArn=machine_arn, statusFilter=status, maxResults=1)["executions"]
    return found[0]["executionArn"] if found else None


def wait(execution_arn: str, *, seconds: float) -> Ended:
    """Waits for the end of an execution; raises TimeoutError after `seconds`."""
    end = time.monotonic() + seconds
    while (found := client().describe_execution(executionArn=execution_arn))["status"] == "RUNNING":
        if time.monotonic() > end:
            raise TimeoutError(f"{execution_arn} still runs after {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    succeeded = found["status"] == "SUCCEEDED"
    return Ended(execution_arn, found["status"], json.loads(found["output"]) if succeeded else {}, _cause(found))


def _cause(execution: dict[str, Any]) -> str:
    """A failed function's cause is JSON: what people need of it is the message."""
    cause = execution.get("cause") or execution.get("error") or ""
    try:
        parsed = json.loads(cause)
    except json.JSONDecodeError:
        return str(cause)
    return str(parsed.get("errorMessage", cause)) if isinstance(parsed, dict) else str(cause)
