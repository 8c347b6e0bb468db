"""Runs the pipeline on the target that the environment names: the only file of this package that calls AWS."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from pipelines.definition import SCRIPTS, checked, code_prefix, fill
from pipelines.review_files import holds_reviews
from pipelines.reviews import ReviewsError, local_paths

ENDED = {"Succeeded", "Failed", "Stopped"}
S3_SCHEME = "s3://"


@dataclass(frozen=True)
class Outcome:
    """How an execution ended; `failures` has a line for each failed step, `steps` its status by name."""

    execution_arn: str
    status: str  # Succeeded | Failed | Stopped
    failures: tuple[str, ...]
    steps: Mapping[str, str]

    @property
    def execution_id(self) -> str:
        """Returns the folder of the execution under `runs/`."""
        return self.execution_arn.rsplit("/", 1)[-1]


def upload_code(bucket: str) -> str:
    """Uploads the Processing scripts, as a package, under the hash of their contents; returns that prefix."""
    s3, prefix = boto3.client("s3"), code_prefix()
    for path in SCRIPTS:
        s3.upload_file(str(path), bucket, f"{prefix}/{path.parent.name}/{path.name}")
    return prefix


def fetch_reviews(source: str, folder: Path) -> list[Path]:
    """Returns local files of `source`: comma separated paths, or objects under an s3:// URI copied into `folder`.

    Raises ReviewsError if there are none.
    """
    if not source.startswith(S3_SCHEME):
        return local_paths(source)
    bucket, _, prefix = source.removeprefix(S3_SCHEME).partition("/")
    s3 = boto3.client("s3")
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [(item["Key"], item["Size"]) for page in pages for item in page.get("Contents", [])]
    except s3.exceptions.NoSuchBucket:
        found = []
    keys = [key for key, size in found if size and holds_reviews(key)]
    if not keys:
        raise ReviewsError(f"there is no object at {source}")
    paths = [folder / f"{number:04d}-{Path(key).name}" for number, key in enumerate(keys)]
    folder.mkdir(parents=True, exist_ok=True)
    for path, key in zip(paths, keys, strict=True):
        s3.download_file(bucket, key, str(path))
    return paths


def upload_reviews(bucket: str, paths: Sequence[Path]) -> str:
    """Uploads files of reviews to a folder of their own, named by their contents; returns its URI for ReviewsS3Uri."""
    digests = [sha256(path) for path in paths]
    folder = f"reviews/{hashlib.sha256(b''.join(sorted(digests))).hexdigest()[:16]}/"
    s3 = boto3.client("s3")
    for number, path in enumerate(paths):
        s3.upload_file(str(path), bucket, f"{folder}{number:04d}-{path.name}")
    return f"{S3_SCHEME}{bucket}/{folder}"


def sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def filled_definition(outputs: Mapping[str, str]) -> str:
    """Returns the definition for these stack outputs and the environment's region. Raises DefinitionError."""
    return fill(outputs, region=boto3.client("sagemaker").meta.region_name)


def upsert(outputs: Mapping[str, str]) -> str:
    """Uploads the code, creates or updates the pipeline of these stack outputs; returns its ARN."""
    sagemaker = boto3.client("sagemaker")
    definition, name = filled_definition(outputs), outputs["PipelineName"]
    upload_code(outputs["BucketName"])
    request = {"PipelineName": name, "PipelineDefinition": definition, "RoleArn": outputs["PipelineRoleArn"]}
    if exists(sagemaker, name):
        return str(sagemaker.update_pipeline(**request)["PipelineArn"])
    return str(sagemaker.create_pipeline(**request)["PipelineArn"])


def exists(sagemaker: Any, name: str) -> bool:
    pages = sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix=name)
    return any(found["PipelineName"] == name for page in pages for found in page["PipelineSummaries"])


def start(pipeline_name: str, parameters: Mapping[str, str]) -> str:
    """Starts an execution; returns its ARN. Raises DefinitionError for a parameter that the pipeline refuses."""
    request = {"PipelineName": pipeline_name, "PipelineParameters": checked(parameters)}
    return str(boto3.client("sagemaker").start_pipeline_execution(**request)["PipelineExecutionArn"])


def steps_of(sagemaker: Any, execution_arn: str) -> list[dict[str, Any]]:
    """Returns the steps that have begun, in order of their start."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution_arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def failure(step: Mapping[str, Any]) -> str:
    """Says why a step failed: the gate's own message as it is, anything else with the step's name."""
    message = step.get("Metadata", {}).get("Fail", {}).get("ErrorMessage")
    return message or f"step {step['StepName']} failed: {step.get('FailureReason', 'no reason given')}"


def wait(execution_arn: str, on_progress: Callable[[str], None] = lambda _: None, poll_seconds: float = 1.0) -> Outcome:
    """Waits until the execution ends, telling each change of a step as `Step: Status`."""
    sagemaker = boto3.client("sagemaker")
    told: dict[str, str] = {}
    while True:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        steps = steps_of(sagemaker, execution_arn)
        for step in steps:
            name, status = step["StepName"], step["StepStatus"]
            if told.get(name) != status:
                told[name] = status
                on_progress(f"{name}: {status}")
        if execution["PipelineExecutionStatus"] in ENDED:
            return outcome(execution, steps)
        time.sleep(poll_seconds)


def outcome(execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Outcome:
    """Returns how an execution ended; the failed steps' reasons, else the execution's own."""
    status = execution["PipelineExecutionStatus"]
    failures = tuple(failure(step) for step in steps if step["StepStatus"] == "Failed")
    if status == "Failed" and not failures:
        failures = (execution.get("FailureReason", "no reason given"),)
    by_name = {step["StepName"]: step["StepStatus"] for step in steps}
    return Outcome(execution["PipelineExecutionArn"], status, failures, by_name)
