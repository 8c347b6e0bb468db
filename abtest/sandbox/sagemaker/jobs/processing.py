"""Runs processing jobs: a script on S3 inputs, as a subprocess, whose outputs are uploaded if it ends well."""

import json
from pathlib import Path

from abtest.sandbox.sagemaker import tags
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.jobs import images, paths, records, runner, storage, variables
from abtest.sandbox.sagemaker.jobs.kinds import PROCESSING, Kind
from abtest.sandbox.sagemaker.jobs.runner import Job, JobFailedError
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json


@operation("CreateProcessingJob")
def create_processing_job(request: Json) -> Json:
    _refuse_what_is_missing_here(request)
    record = records.create(PROCESSING, request)
    tags.put(record["ProcessingJobArn"], request.get("Tags"))
    runner.start(PROCESSING, record, work, finish)
    return {"ProcessingJobArn": record["ProcessingJobArn"]}


@operation("DescribeProcessingJob")
def describe_processing_job(request: Json) -> Json:
    return records.record_of(PROCESSING, request["ProcessingJobName"])


@operation("ListProcessingJobs")
def list_processing_jobs(request: Json) -> Json:
    return records.listing(PROCESSING, request)


@operation("StopProcessingJob")
def stop_processing_job(request: Json) -> Json:
    runner.stop(PROCESSING, request["ProcessingJobName"])
    return {}


def work(job: Job) -> None:
    images.check(job.record["AppSpecification"]["ImageUri"], PROCESSING)
    channels = {item["InputName"]: fetch(job.root, item["S3Input"]) for item in inputs(job.record)}
    for item in outputs(job.record):
        paths.local(item["S3Output"]["LocalPath"], job.root).mkdir(parents=True, exist_ok=True)
    write_configuration(job)
    ended = job.program(command(job), environment(job, channels))
    message = job.root / "output/message"
    if message.exists():
        records.change(job.record, ExitMessage=message.read_text(errors="replace")[: records.LONGEST_REASON])
    runner.require_success(ended)
    for item in outputs(job.record):
        output = item["S3Output"]
        storage.upload(paths.local(output["LocalPath"], job.root), output["S3Uri"])


def finish(kind: Kind, record: Json, status: str, reason: str) -> None:
    if status == "MaxRuntimeExceeded":
        reason = "ClientError: the job ran longer than MaxRuntimeInSeconds"
    records.finish(kind, record, status, reason)


def inputs(record: Json) -> list[Json]:
    """Returns the inputs that SageMaker itself downloads."""
    return [item for item in record.get("ProcessingInputs", []) if not item.get("AppManaged")]


def outputs(record: Json) -> list[Json]:
    """Returns the outputs that SageMaker itself uploads."""
    configured: list[Json] = record.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [item for item in configured if not item.get("AppManaged")]


def fetch(root: Path, source: Json) -> Path:
    folder = paths.local(source["LocalPath"], root)
    storage.download(source["S3Uri"], folder)
    return folder


def command(job: Job) -> list[str]:
    """Returns the container's entrypoint and arguments, their paths rewritten."""
    specification = job.record["AppSpecification"]
    entrypoint = specification.get("ContainerEntrypoint")
    if not entrypoint:
        raise JobFailedError("ClientError: the image has no entrypoint of its own; give ContainerEntrypoint")
    given = [*entrypoint, *specification.get("ContainerArguments", [])]
    return [paths.rewritten(value, job.root) for value in given]


def environment(job: Job, channels: dict[str, Path]) -> dict[str, str]:
    instance_type = job.record["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    return (
        variables.base(job.root)
        | {"PROCESSING_JOB_NAME": job.name, "PROCESSING_JOB_ARN": job.record["ProcessingJobArn"]}
        | variables.sagemaker(job.root, channels, {}, instance_type)
        | variables.requested(job.record.get("Environment", {}), job.root)
    )


def write_configuration(job: Job) -> None:
    """Writes the files that a container finds in /opt/ml/config."""
    folder = job.root / "config"
    folder.mkdir()
    names = ("ProcessingJobArn", "ProcessingJobName", "AppSpecification", "ProcessingInputs", "ProcessingOutputConfig")
    configuration = {name: job.record[name] for name in names if name in job.record}
    (folder / "processingjobconfig.json").write_text(paths.rewritten(json.dumps(configuration), job.root))
    (folder / "resourceconfig.json").write_text(json.dumps({"current_host": variables.HOST, "hosts": [variables.HOST]}))


def _refuse_what_is_missing_here(request: Json) -> None:
    for item in request.get("ProcessingInputs", []):
        source = item.get("S3Input", {})
        if "DatasetDefinition" in item or source.get("S3DataType") == "ManifestFile":
            raise validation(f"The sandbox reads S3Prefix inputs only (input {item['InputName']})")
        if source.get("S3InputMode", "File") != "File":
            raise validation(f"The sandbox has no input mode {source['S3InputMode']} (input {item['InputName']})")
        _check_path(source.get("LocalPath"), item)
    for item in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in item:
            raise validation(f"The sandbox writes S3 outputs only (output {item['OutputName']})")
        _check_path(item["S3Output"].get("LocalPath"), item)


def _check_path(path: str | None, item: Json) -> None:
    if not item.get("AppManaged") and not (path or "").startswith("/opt/ml/processing/"):
        name = item.get("InputName") or item.get("OutputName")
        raise validation(f"LocalPath of {name} must be below /opt/ml/processing/, not {path}")
