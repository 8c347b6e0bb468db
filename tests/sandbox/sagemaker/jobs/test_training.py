"""Training jobs through boto3: real fastText models."""

import hashlib
import io
import itertools
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.jobs.requests import described, ended, read, training

pytestmark = pytest.mark.slow

Refused = Callable[..., tuple[str, str]]

STATUSES = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def model_bin(s3: Any, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(read(s3, f"models/{name}/output/model.tar.gz"))) as archive:
        assert archive.getnames() == ["model.bin"]
        member = archive.extractfile("model.bin")
        assert member is not None
        return member.read()


@pytest.mark.operation("CreateTrainingJob")
@pytest.mark.operation("DescribeTrainingJob")
def test_the_same_job_twice_writes_the_same_model(sagemaker: Any, s3: Any) -> None:
    for name in ("first", "second"):
        sagemaker.create_training_job(**training(name))
    job = ended(sagemaker, "training_job", "first")
    ended(sagemaker, "training_job", "second")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed"), job
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://jobs-tests/models/first/output/model.tar.gz"
    digests = {hashlib.sha256(model_bin(s3, name)).hexdigest() for name in ("first", "second")}
    assert len(digests) == 1
    assert model_bin(s3, "first")[:4] == (793712314).to_bytes(4, "little")


def test_a_job_passes_through_its_statuses(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_training_job(**training("statuses"))
    job = ended(sagemaker, "training_job", "statuses")
    transitions = job["SecondaryStatusTransitions"]
    assert [transition["Status"] for transition in transitions] == STATUSES
    assert all(one["EndTime"] == other["StartTime"] for one, other in itertools.pairwise(transitions))
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics.keys() == {"train:accuracy", "validation:accuracy"}
    assert 0.5 < metrics["validation:accuracy"] <= 1
    assert job["TrainingTimeInSeconds"] >= 1


def test_a_bad_hyperparameter_fails_the_job(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_training_job(**training("bad-hyperparameter", epochs="many"))
    job = ended(sagemaker, "training_job", "bad-hyperparameter")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"].startswith("ClientError: Unable to initialize the algorithm.")
    assert "'many' is not valid for 'epochs'" in job["FailureReason"]
    assert "ModelArtifacts" not in job


def test_an_empty_vocabulary_fails_the_job(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_training_job(**training("empty-vocabulary", min_count="100000"))
    reason = ended(sagemaker, "training_job", "empty-vocabulary")["FailureReason"]
    assert reason.startswith("AlgorithmError: No word occurs 100000 times")


def test_an_unknown_image_fails_the_job(sagemaker: Any, s3: Any) -> None:
    request = training("unknown-algorithm")
    request["AlgorithmSpecification"]["TrainingImage"] = "1.dkr.ecr.us-east-1.amazonaws.com/xgboost:1"
    sagemaker.create_training_job(**request)
    assert "blazingtext (TrainingJob)" in ended(sagemaker, "training_job", "unknown-algorithm")["FailureReason"]


@pytest.mark.operation("StopTrainingJob")
def test_a_training_is_stopped(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_training_job(**training("endless", epochs="10000000"))
    wait_for(lambda: described(sagemaker, "training_job", "endless")["SecondaryStatus"] == "Training")
    sagemaker.stop_training_job(TrainingJobName="endless")
    job = ended(sagemaker, "training_job", "endless")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]


def test_a_training_that_runs_too_long_is_stopped(sagemaker: Any, s3: Any) -> None:
    request = training("overlong", epochs="10000000") | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}
    sagemaker.create_training_job(**request)
    job = ended(sagemaker, "training_job", "overlong")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


@pytest.mark.operation("CreateTrainingJob", error="ResourceInUse")
def test_a_name_is_used_once(sagemaker: Any, s3: Any, error: Refused) -> None:
    sagemaker.create_training_job(**training("unique"))
    code, message = error(sagemaker.create_training_job, **training("unique"))
    assert code == "ResourceInUse"
    assert message.startswith("Training job names must be unique within an AWS account and region")
    ended(sagemaker, "training_job", "unique")


@pytest.mark.operation("CreateTrainingJob", error="ValidationException")
def test_what_the_sandbox_lacks_is_refused(sagemaker: Any, error: Refused) -> None:
    request = training("pipe")
    request["InputDataConfig"][0]["InputMode"] = "Pipe"
    assert error(sagemaker.create_training_job, **request)[0] == "ValidationException"


@pytest.mark.operation("DescribeTrainingJob", error="ResourceNotFound")
@pytest.mark.operation("StopTrainingJob", error="ResourceNotFound")
def test_an_unknown_job_is_not_found(sagemaker: Any, error: Refused) -> None:
    for call in (sagemaker.describe_training_job, sagemaker.stop_training_job):
        assert error(call, TrainingJobName="nobody")[0] == "ResourceNotFound"


@pytest.mark.operation("ListTrainingJobs")
def test_jobs_are_listed_by_their_time(sagemaker: Any, s3: Any) -> None:
    for name in ("by-time-a", "by-time-b"):
        sagemaker.create_training_job(**training(name))
        ended(sagemaker, "training_job", name)
    found = sagemaker.list_training_jobs(NameContains="by-time-", StatusEquals="Completed")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in found] == ["by-time-a", "by-time-b"]
    assert found[0]["SecondaryStatus"] == "Completed"
    newest = sagemaker.list_training_jobs(NameContains="by-time-", SortOrder="Descending", MaxResults=1)
    assert [job["TrainingJobName"] for job in newest["TrainingJobSummaries"]] == ["by-time-b"]


@pytest.mark.operation("ListTrainingJobs", error="ValidationException")
def test_a_token_that_nobody_gave_is_refused(sagemaker: Any, error: Refused) -> None:
    assert error(sagemaker.list_training_jobs, NextToken="x")[0] == "ValidationException"


def test_the_end_of_a_job_is_an_event(sandbox: Sandbox, sagemaker: Any, s3: Any) -> None:
    sqs, rules = sandbox.client("sqs"), sandbox.client("events")
    queue = sqs.create_queue(QueueName="training-events")["QueueUrl"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobName": ["announced"], "TrainingJobStatus": ["Completed"]},
    }
    rules.put_rule(Name="training-events", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:training-events"}
    rules.put_targets(Rule="training-events", Targets=[target])
    sagemaker.create_training_job(**training("announced"))
    messages = wait_for(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    event = json.loads(messages[0]["Body"])
    assert event["resources"] == ["arn:aws:sagemaker:us-east-1:000000000000:training-job/announced"]
    assert event["detail"]["SecondaryStatus"] == "Completed"
