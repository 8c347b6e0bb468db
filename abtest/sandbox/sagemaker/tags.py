"""Keeps the tags of every kind of resource, by ARN."""

from abtest.sandbox.sagemaker import state
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

MOST_TAGS = 50

# Which member of a table's records is the resource's own ARN.
ARN_MEMBERS = {
    "model_package_groups": "ModelPackageGroupArn",
    "model_packages": "ModelPackageArn",
    "models": "ModelArn",
    "endpoint_configs": "EndpointConfigArn",
    "endpoints": "EndpointArn",
    "processing_jobs": "ProcessingJobArn",
    "training_jobs": "TrainingJobArn",
    "tuning_jobs": "HyperParameterTuningJobArn",
    "transform_jobs": "TransformJobArn",
    "pipelines": "PipelineArn",
    "pipeline_executions": "PipelineExecutionArn",
}


def put(arn: str, tags: list[Json] | None) -> list[Json]:
    """Adds `tags` ([{"Key", "Value"}]) to the resource `arn`, replacing equal keys; returns all of its tags."""
    kept = {tag["Key"]: tag for tag in state.table("tags").get(arn.lower(), [])}
    kept.update({tag["Key"]: tag for tag in tags or []})
    if len(kept) > MOST_TAGS:
        raise validation(f"A resource has at most {MOST_TAGS} tags: {arn} would have {len(kept)}.")
    state.table("tags")[arn.lower()] = list(kept.values())
    return list(kept.values())


def forget(arn: str) -> None:
    """Forgets the tags of a resource; call it when the resource is deleted."""
    state.table("tags").pop(arn.lower(), None)


@operation("AddTags")
def add_tags(request: Json) -> Json:
    return {"Tags": put(_existing(request), request["Tags"])}


@operation("ListTags")
def list_tags(request: Json) -> Json:
    tags = state.table("tags").get(_existing(request).lower(), [])
    return state.page("Tags", tags, request, default_size=MOST_TAGS)


@operation("DeleteTags")
def delete_tags(request: Json) -> Json:
    arn = _existing(request)
    kept = [tag for tag in state.table("tags").get(arn.lower(), []) if tag["Key"] not in request["TagKeys"]]
    state.table("tags")[arn.lower()] = kept
    return {}


def _existing(request: Json) -> str:
    arn: str = request["ResourceArn"]
    for table, member in ARN_MEMBERS.items():
        if any(record.get(member, "").lower() == arn.lower() for record in state.table(table).values()):
            return arn
    raise validation(f"Could not find the resource {arn}.")
