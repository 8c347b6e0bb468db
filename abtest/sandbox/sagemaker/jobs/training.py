"""Training jobs: an algorithm's program on S3 channels, a model artefact in S3, metrics from the log."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abtest.sandbox import algorithms
from abtest.sandbox.sagemaker import state, tags
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.jobs import images, paths, records, runner, storage, variables
from abtest.sandbox.sagemaker.jobs.kinds import TRAINING, Kind
from abtest.sandbox.sagemaker.jobs.runner import Job
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


@operation("CreateTrainingJob")
def create_training_job(request: Json) -> Json:
    record = create(request)
    tags.put(record["TrainingJobArn"], request.get("Tags"))
    runner.start(TRAINING, record, work, finish)
    return {"TrainingJobArn": record["TrainingJobArn"]}


@operation("DescribeTrainingJob")
def describe_training_job(request: Json) -> Json:
    return records.record_of(TRAINING, request["TrainingJobName"])


@operation("ListTrainingJobs")
def list_training_jobs(request: Json) -> Json:
    return records.listing(TRAINING, request)


@operation("StopTrainingJob")
def stop_training_job(request: Json) -> Json:
    runner.stop(TRAINING, request["TrainingJobName"])
    enter(records.record_of(TRAINING, request["TrainingJobName"]), "Stopping")
    return {}


def create(request: Json, **members: Any) -> Json:
    """Creates the record of a training job that is yet to run; `members` mark a tuning job's trial."""
    check(request)
    record = records.create(TRAINING, request, **members)
    enter(record, "Starting")
    return record


def check(request: Json) -> None:
    """Raises ValidationException for what SageMaker has and the sandbox lacks."""
    for channel in request.get("InputDataConfig", []):
        name = channel["ChannelName"]
        if channel.get("DataSource", {}).get("S3DataSource", {}).get("S3DataType") != "S3Prefix":
            raise validation(f"The sandbox reads S3Prefix channels only (channel {name})")
        if channel.get("InputMode", "File") == "Pipe":
            raise validation(f"The sandbox has no input mode Pipe (channel {name})")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise validation("The sandbox writes model.tar.gz only (OutputDataConfig.CompressionType)")


def enter(record: Json, status: str) -> None:
    """Moves to a secondary status and closes the transition to the one before."""
    now = state.now()
    transitions = [dict(transition) for transition in record.get("SecondaryStatusTransitions", [])]
    for transition in transitions:
        transition.setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": MESSAGES[status]})
    records.change(record, SecondaryStatus=status, SecondaryStatusTransitions=transitions)


def advance(job: Job, status: str) -> None:
    """Enters a secondary status, as `enter` does, but a job that is to stop stays Stopping."""
    with state.lock:
        job.limits.check()
        enter(job.record, status)


def work(job: Job) -> None:
    image = job.record.get("AlgorithmSpecification", {}).get("TrainingImage") or ""
    images.check(image, TRAINING)
    training = algorithms.of_image(image).training
    assert training, "images.check knows only algorithms that train"
    advance(job, "Downloading")
    channels = {channel["ChannelName"]: fetch(job.root, channel) for channel in job.record.get("InputDataConfig", [])}
    write_configuration(job, channels)
    advance(job, "Training")
    ended = job.program([sys.executable, "-m", training.program, "--root", str(job.root)], environment(job, channels))
    failure = job.root / "output/failure"
    runner.require_success(ended, failure.read_text(errors="replace") if failure.exists() else "")
    records.change(job.record, FinalMetricDataList=final_metrics(job.log.read_text(errors="replace"), training.metrics))
    advance(job, "Uploading")
    upload(job)


def finish(kind: Kind, record: Json, status: str, reason: str) -> None:
    enter(record, status)
    started: float = record.get("TrainingStartTime") or record["CreationTime"]
    seconds = max(1, round(state.now() - started))
    records.change(record, TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds)
    records.finish(kind, record, status, reason)


def fetch(root: Path, channel: Json) -> Path:
    folder: Path = root / "input/data" / channel["ChannelName"]
    storage.download(channel["DataSource"]["S3DataSource"]["S3Uri"], folder)
    return folder


def write_configuration(job: Job, channels: dict[str, Path]) -> None:
    """Writes the files that a container finds in /opt/ml/input/config."""
    for name in ("input/config", "model", "output/data"):
        (job.root / name).mkdir(parents=True)
    folder = job.root / "input/config"
    (folder / "hyperparameters.json").write_text(json.dumps(job.record.get("HyperParameters", {})))
    described = {name: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"} for name in channels}
    (folder / "inputdataconfig.json").write_text(json.dumps(described))
    (folder / "resourceconfig.json").write_text(json.dumps({"current_host": variables.HOST, "hosts": [variables.HOST]}))


def environment(job: Job, channels: dict[str, Path]) -> dict[str, str]:
    hyperparameters = {
        name: paths.rewritten(value, job.root) for name, value in job.record.get("HyperParameters", {}).items()
    }
    instance_type = job.record.get("ResourceConfig", {}).get("InstanceType", "")
    return (
        variables.base(job.root)
        | {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.record["TrainingJobArn"]}
        | variables.sagemaker(job.root, channels, hyperparameters, instance_type)
        | variables.requested(job.record.get("Environment", {}), job.root)
    )


def final_metrics(log: str, metrics: Mapping[str, str]) -> list[Json]:
    """The last value that each metric's regular expression finds."""
    found = {name: re.findall(pattern, log) for name, pattern in metrics.items()}
    now = state.now()
    return [
        {"MetricName": name, "Value": float(values[-1]), "Timestamp": now} for name, values in found.items() if values
    ]


def upload(job: Job) -> None:
    folder = f"{job.record['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}/output"
    archive = storage.pack(job.root / "model", job.root / "tmp/model.tar.gz")
    uri = storage.put(archive, f"{folder}/model.tar.gz")
    if any((job.root / "output/data").iterdir()):
        archive = storage.pack(job.root / "output/data", job.root / "tmp/output.tar.gz")
        storage.put(archive, f"{folder}/output.tar.gz")
    records.change(job.record, ModelArtifacts={"S3ModelArtifacts": uri})
