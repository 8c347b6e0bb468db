"""Starts, describes, lists and stops executions of pipelines."""

import secrets
import string

from abtest.sandbox.sagemaker import background, state
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.pipelines import definition, executor, parameters, records
from abtest.sandbox.sagemaker.pipelines.catalogue import between
from abtest.sandbox.sagemaker.pipelines.definition import Definition
from abtest.sandbox.sagemaker.pipelines.values import ExecutionValues
from abtest.sandbox.sagemaker.wire import Json

ID_ALPHABET = string.ascii_lowercase + string.digits
ID_LENGTH = 12
STEPS_PER_PAGE = 100
CRASHED = "The sandbox stopped while the execution was running"


@operation("StartPipelineExecution")
def start_pipeline_execution(request: Json) -> Json:
    """Starts an execution. The same ClientRequestToken again answers with the one that it started."""
    pipeline = records.pipeline(request["PipelineName"])
    if "SelectiveExecutionConfig" in request:
        raise validation("The sandbox runs whole pipelines: SelectiveExecutionConfig is not supported.")
    for earlier in records.executions_of(pipeline["PipelineArn"]):
        if earlier["_token"] == request["ClientRequestToken"]:
            return {"PipelineExecutionArn": earlier["PipelineExecutionArn"]}
    record = _new_execution(pipeline, request)
    arn = record["PipelineExecutionArn"]
    state.table("pipeline_executions")[arn] = record
    pipeline["LastRunTime"] = record["CreationTime"]
    records.announce(record, None)
    background.spawn(executor.execute, arn)
    return {"PipelineExecutionArn": arn}


def _new_execution(pipeline: Json, request: Json) -> Json:
    parsed = definition.parse(pipeline["PipelineDefinition"])
    now = state.now()
    parallelism = request.get("ParallelismConfiguration") or pipeline.get("ParallelismConfiguration")
    record = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{_new_id()}",
        "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"),
        "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
        "PipelineExecutionStatus": records.EXECUTING,
        "CreationTime": now,
        "LastModifiedTime": now,
        "PipelineVersionId": pipeline["_version"],
        "_pipeline_name": pipeline["PipelineName"],
        "_definition": pipeline["PipelineDefinition"],
        "_parameters": parameters.bind(parsed.parameters, request.get("PipelineParameters", [])),
        "_steps": [],
        "_token": request["ClientRequestToken"],
        **({"ParallelismConfiguration": parallelism} if parallelism else {}),
    }
    return record | {"PipelineExperimentConfig": _experiment(record, parsed)}


def _new_id() -> str:
    """Returns a random id, as on AWS: no seed may depend on it."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def _experiment(record: Json, parsed: Definition) -> Json | None:
    """Returns the experiment to record; the sandbox has no experiments of SageMaker's own kind."""
    resolved = ExecutionValues(record, parsed, record["_parameters"]).resolve(parsed.experiment)
    return {name: value for name, value in resolved.items() if value} or None


@operation("DescribePipelineExecution")
def describe_pipeline_execution(request: Json) -> Json:
    return records.execution(request["PipelineExecutionArn"])


@operation("DescribePipelineDefinitionForExecution")
def describe_pipeline_definition_for_execution(request: Json) -> Json:
    record = records.execution(request["PipelineExecutionArn"])
    return {"PipelineDefinition": record["_definition"], "CreationTime": record["CreationTime"]}


@operation("ListPipelineExecutions")
def list_pipeline_executions(request: Json) -> Json:
    found = records.executions_of(records.pipeline(request["PipelineName"])["PipelineArn"])
    keys = {"PipelineExecutionArn": lambda r: r["PipelineExecutionArn"]}
    chosen = state.select(found, between(request), name="PipelineExecutionArn", sort_keys=keys)
    return state.page("PipelineExecutionSummaries", [_summary(record) for record in chosen], request)


def _summary(record: Json) -> Json:
    reason = record.get("FailureReason")
    return record | {"StartTime": record["CreationTime"], "PipelineExecutionFailureReason": reason}


@operation("ListPipelineExecutionSteps")
def list_pipeline_execution_steps(request: Json) -> Json:
    """Lists the steps that have started, the latest first unless SortOrder says otherwise."""
    if "PipelineExecutionArn" not in request:
        raise validation("PipelineExecutionArn is required.")
    steps = list(records.execution(request["PipelineExecutionArn"])["_steps"])
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    return state.page("PipelineExecutionSteps", steps, request, default_size=STEPS_PER_PAGE)


@operation("ListPipelineParametersForExecution")
def list_pipeline_parameters_for_execution(request: Json) -> Json:
    listed = parameters.as_list(records.execution(request["PipelineExecutionArn"])["_parameters"])
    return state.page("PipelineParameters", listed, request, default_size=STEPS_PER_PAGE)


@operation("StopPipelineExecution")
def stop_pipeline_execution(request: Json) -> Json:
    """Stops an execution: it is Stopping until its running jobs have stopped, and nothing more starts."""
    arn = request["PipelineExecutionArn"]
    record = records.execution(arn)
    status = record["PipelineExecutionStatus"]
    if status not in records.UNFINISHED:
        raise validation(
            f"Pipeline execution with ARN {arn} status {status}. Only pipelines with 'Executing' status can be stopped."
        )
    if status == records.EXECUTING:
        records.change_execution(record, records.STOPPING)
    return {"PipelineExecutionArn": arn}


def recover() -> list[str]:
    """After a crash, fails every execution that was running, and its running steps. Returns a sentence for each."""
    with state.lock:
        broken = [
            record
            for record in state.every_record("pipeline_executions")
            if record["PipelineExecutionStatus"] in records.UNFINISHED
        ]
        for record in broken:
            records.fail(record, CRASHED)
    return [f"Pipeline execution {record['PipelineExecutionArn']} is Failed: {CRASHED}." for record in broken]
