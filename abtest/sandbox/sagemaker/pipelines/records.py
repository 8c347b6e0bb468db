"""Keeps the records of executions and their steps, and makes every change of their status."""

import datetime
from typing import Any

from abtest.sandbox.sagemaker import events, state
from abtest.sandbox.sagemaker.errors import not_found
from abtest.sandbox.sagemaker.pipelines.definition import Step
from abtest.sandbox.sagemaker.wire import Json

EXECUTING, STOPPING, STOPPED, FAILED, SUCCEEDED = "Executing", "Stopping", "Stopped", "Failed", "Succeeded"
STARTING = "Starting"
UNFINISHED = (STARTING, EXECUTING, STOPPING)

EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_FAILURE = "Step failure: One or multiple steps failed."


def pipeline(name_or_arn: str) -> Json:
    """Returns the pipeline's record, by a name in any case (ARNs have it in lower case). Raises ResourceNotFound."""
    name = name_or_arn.rpartition("/")[2]
    return state.existing(
        "pipelines", name.lower(), not_found(f"Pipeline '{state.arn('pipeline', name)}' does not exist.")
    )


def execution(arn: str) -> Json:
    return state.existing("pipeline_executions", arn, not_found(f"Pipeline execution '{arn}' does not exist."))


def executions_of(pipeline_arn: str) -> list[Json]:
    return [r for r in state.table("pipeline_executions").values() if r["PipelineArn"] == pipeline_arn]


def is_kept(record: Json) -> bool:
    """Says whether the execution is still known: a reset or a deleted pipeline forgets it."""
    with state.lock:
        return state.table("pipeline_executions").get(record["PipelineExecutionArn"]) is record


def add_step(record: Json, step: Step) -> Json:
    """Adds the entry of a step that starts now, as ListPipelineExecutionSteps reports it."""
    entry: Json = {
        "StepName": step.name,
        "StepStatus": STARTING,
        "StartTime": state.now(),
        "Metadata": {},
        "AttemptCount": 1,
    }
    for member, source in (("StepDisplayName", "DisplayName"), ("StepDescription", "Description")):
        if step.document.get(source):
            entry[member] = step.document[source]
    with state.lock:
        record["_steps"].append(entry)
    return entry


def change_step(entry: Json, **members: Any) -> None:
    with state.lock:
        entry.update(members)


def end_step(entry: Json, status: str, reason: str | None = None) -> None:
    with state.lock:
        entry.update(StepStatus=status, EndTime=state.now())
        if reason:
            entry["FailureReason"] = reason


def change_execution(record: Json, status: str, reason: str | None = None) -> None:
    """Sets the status and sends the event that tells of it."""
    with state.lock:
        previous = record["PipelineExecutionStatus"]
        record.update(PipelineExecutionStatus=status, LastModifiedTime=state.now())
        if reason:
            record["FailureReason"] = reason
    announce(record, previous)


def announce(record: Json, previous: str | None) -> None:
    """Sends the event of a changed status, with the members that AWS documents; `previous` is None at the start."""
    status = record["PipelineExecutionStatus"]
    ended = {} if status in UNFINISHED else {"executionEndTime": iso(record["LastModifiedTime"])}
    detail = {
        "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": status,
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": iso(record["CreationTime"]),
        "pipelineExecutionDescription": record.get("PipelineExecutionDescription"),
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
    }
    present = {name: value for name, value in detail.items() if value is not None}
    events.send(EVENT, record["PipelineExecutionArn"], present | ended)


def iso(seconds: float) -> str:
    """Writes seconds since the epoch as UTC, ISO 8601 with milliseconds."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fail(record: Json, reason: str) -> None:
    """Fails the execution, which cannot go on, and every step that runs, for this reason."""
    for entry in record["_steps"]:
        if entry["StepStatus"] in UNFINISHED:
            end_step(entry, FAILED, reason)
    change_execution(record, FAILED, reason)
