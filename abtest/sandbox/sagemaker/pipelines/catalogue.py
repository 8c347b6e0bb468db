"""Stores pipelines and answers the operations on them."""

from botocore.exceptions import BotoCoreError, ClientError

from abtest.sandbox.sagemaker import state, tags
from abtest.sandbox.sagemaker.errors import ServiceError, validation
from abtest.sandbox.sagemaker.jobs.storage import read_object
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.pipelines import checks, records
from abtest.sandbox.sagemaker.wire import Json

UPDATABLE = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


@operation("CreatePipeline")
def create_pipeline(request: Json) -> Json:
    """Creates a pipeline. The same ClientRequestToken again answers as before; another request is refused."""
    name = request["PipelineName"]
    existing = state.table("pipelines").get(name.lower())
    if existing and existing["_token"] == request["ClientRequestToken"]:
        return {"PipelineArn": existing["PipelineArn"]}
    if existing:
        raise validation(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
    now = state.now()
    record = {
        "PipelineName": name,
        "PipelineArn": state.arn("pipeline", name),
        "PipelineDisplayName": name,
        "PipelineDefinition": _definition(request),
        "PipelineStatus": "Active",
        "CreationTime": now,
        "LastModifiedTime": now,
        "_token": request["ClientRequestToken"],
        "_version": 1,
        **{member: request[member] for member in UPDATABLE if member in request},
    }
    state.table("pipelines")[name.lower()] = record
    tags.put(record["PipelineArn"], request.get("Tags"))
    return {"PipelineArn": record["PipelineArn"]}


def _definition(request: Json) -> str:
    """Returns the definition's text, from the request or from S3; raises ValidationException if it cannot run."""
    location = request.get("PipelineDefinitionS3Location")
    if location and "PipelineDefinition" in request:
        raise validation("Only one of PipelineDefinition and PipelineDefinitionS3Location can be given.")
    if not location and "PipelineDefinition" not in request:
        raise validation("One of PipelineDefinition and PipelineDefinitionS3Location is required.")
    text = _from_s3(location) if location else str(request["PipelineDefinition"])
    checks.checked(text)
    return text


def _from_s3(location: Json) -> str:
    uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
    try:
        return read_object(uri, location.get("VersionId")).decode()
    except (ClientError, BotoCoreError, ValueError) as error:
        raise validation(f"The pipeline definition at {uri} cannot be read: {error}") from None


@operation("UpdatePipeline")
def update_pipeline(request: Json) -> Json:
    """Updates a pipeline. Executions that run keep the definition they started with."""
    record = records.pipeline(request["PipelineName"])
    if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
        record["PipelineDefinition"] = _definition(request)
    record.update({member: request[member] for member in UPDATABLE if member in request})
    record.update(LastModifiedTime=state.now(), _version=record["_version"] + 1)
    return {"PipelineArn": record["PipelineArn"], "PipelineVersionId": record["_version"]}


@operation("DescribePipeline")
def describe_pipeline(request: Json) -> Json:
    return records.pipeline(request["PipelineName"])


@operation("ListPipelines")
def list_pipelines(request: Json) -> Json:
    prefix = request.get("PipelineNamePrefix", "").lower()
    found = [r for name, r in state.table("pipelines").items() if name.startswith(prefix)]
    chosen = state.select(found, between(request), name="PipelineName")
    shown = [record | {"LastExecutionTime": record.get("LastRunTime")} for record in chosen]
    return state.page("PipelineSummaries", shown, request)


def between(request: Json) -> Json:
    """Renames CreatedAfter and CreatedBefore as other List operations name them."""
    names = {"CreatedAfter": "CreationTimeAfter", "CreatedBefore": "CreationTimeBefore"}
    return {names.get(name, name): value for name, value in request.items()}


@operation("DeletePipeline")
def delete_pipeline(request: Json) -> Json:
    """Deletes a pipeline and its executions; while one runs, raises ConflictException."""
    record = records.pipeline(request["PipelineName"])
    arn = record["PipelineArn"]
    executions = records.executions_of(arn)
    if any(execution["PipelineExecutionStatus"] in records.UNFINISHED for execution in executions):
        raise ServiceError("ConflictException", f"Pipeline '{arn}' has running executions: stop them first.")
    for execution in executions:
        del state.table("pipeline_executions")[execution["PipelineExecutionArn"]]
    del state.table("pipelines")[record["PipelineName"].lower()]
    tags.forget(arn)
    return {"PipelineArn": arn}
