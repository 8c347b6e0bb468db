"""Runs batch transform jobs: a model's own serving path over the files of an S3 prefix."""

import sys
from pathlib import Path

from abtest.sandbox.sagemaker import models, tags
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.jobs import images, records, runner, storage, variables
from abtest.sandbox.sagemaker.jobs.kinds import TRANSFORM
from abtest.sandbox.sagemaker.jobs.runner import Job, JobFailedError
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

PROGRAM = "abtest.sandbox.transform"
BATCH = {"SAGEMAKER_BATCH": "true"}  # by which a container can tell a transform from an endpoint
DEFAULT_PAYLOAD_MB = 6


@operation("CreateTransformJob")
def create_transform_job(request: Json) -> Json:
    _refuse_what_is_missing_here(request)
    models.model(request["ModelName"])
    record = records.create(TRANSFORM, request)
    tags.put(record["TransformJobArn"], request.get("Tags"))
    runner.start(TRANSFORM, record, work)
    return {"TransformJobArn": record["TransformJobArn"]}


@operation("DescribeTransformJob")
def describe_transform_job(request: Json) -> Json:
    return records.record_of(TRANSFORM, request["TransformJobName"])


@operation("ListTransformJobs")
def list_transform_jobs(request: Json) -> Json:
    return records.listing(TRANSFORM, request)


@operation("StopTransformJob")
def stop_transform_job(request: Json) -> Json:
    runner.stop(TRANSFORM, request["TransformJobName"])
    return {}


def work(job: Job) -> None:
    container = models.container(job.record["ModelName"])
    images.check(container["Image"], TRANSFORM)
    artefact = fetch_model(job, container)
    folder, results = job.root / "input", job.root / "results"
    results.mkdir()
    storage.download(job.record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], folder)
    program = command(job.record, container["Image"], artefact, folder, results)
    ended = job.program(program, variables.base(job.root) | BATCH)
    storage.upload(results, job.record["TransformOutput"]["S3OutputPath"])  # of the files without an error
    runner.require_success(ended)


def fetch_model(job: Job, container: Json) -> Path:
    if not container.get("ModelDataUrl"):
        raise JobFailedError(f"ClientError: the model {job.record['ModelName']} has no ModelDataUrl")
    storage.download(container["ModelDataUrl"], job.root / "model")
    name: str = container["ModelDataUrl"].rpartition("/")[2]
    return job.root / "model" / name


def command(record: Json, image: str, artefact: Path, folder: Path, results: Path) -> list[str]:
    source, target = record["TransformInput"], record["TransformOutput"]
    options = ["--image", image, "--model", str(artefact), "--input", str(folder), "--output", str(results)]
    options += ["--content-type", source.get("ContentType", "")]
    options += ["--accept", target["Accept"]] if target.get("Accept") else []
    options += ["--split-lines"] if source.get("SplitType") == "Line" else []
    options += ["--assemble-lines"] if target.get("AssembleWith") == "Line" else []
    if record.get("BatchStrategy", "MultiRecord") == "MultiRecord":
        options += ["--batch-bytes", str(record.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) * 1024 * 1024)]
    return [sys.executable, "-m", PROGRAM, *options]


def _refuse_what_is_missing_here(request: Json) -> None:
    """Raises ValidationException for an option that the sandbox lacks: to ignore it would be worse."""
    source = request["TransformInput"]
    if source["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
        raise validation("The sandbox transforms S3Prefix inputs only")
    if source.get("CompressionType", "None") != "None":
        raise validation("The sandbox transforms uncompressed inputs only")
    if source.get("SplitType", "None") not in ("None", "Line"):
        raise validation(f"The sandbox cannot split by {source['SplitType']}")
    processing = request.get("DataProcessing", {})
    if set(processing.values()) - {"$", "None"}:
        raise validation("The sandbox does not implement DataProcessing")
