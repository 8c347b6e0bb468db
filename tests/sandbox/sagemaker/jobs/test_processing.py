"""Processing jobs through boto3: real scripts on S3 inputs."""

import json
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.jobs.requests import described, ended, keys, processing, put_script, read

pytestmark = pytest.mark.slow

Refused = Callable[..., tuple[str, str]]
Log = Callable[[str, str], str]

COPY = """
import json, os, pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
print("copying")
(target / "deep").mkdir()
(target / "deep/copy.txt").write_text((source / "data.txt").read_text().upper())
(target / "environment.json").write_text(json.dumps(dict(os.environ)))
"""

SLEEP = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(300)
"""


def sleepers(log: Log, name: str) -> list[int]:
    """The process ids of a SLEEP script, once it runs."""
    line = wait_for(lambda: next((line for line in log("processing", name).splitlines() if "pids" in line), None))
    return [int(pid) for pid in line.split()[1:]]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.mark.operation("CreateProcessingJob")
@pytest.mark.operation("DescribeProcessingJob")
def test_a_script_reads_and_writes_s3(sandbox: Sandbox, sagemaker: Any, s3: Any, log: Log) -> None:
    put_script(s3, "copy", COPY, data="some text")
    arguments = ["/opt/ml/processing/in", "/opt/ml/processing/out"]
    environment = {"MODEL": "/opt/ml/model", "MODE": "full"}
    created = sagemaker.create_processing_job(**processing("copy", *arguments, Environment=environment))
    job = ended(sagemaker, "processing_job", "copy")
    assert job["ProcessingJobStatus"] == "Completed", job
    assert job["ProcessingJobArn"] == created["ProcessingJobArn"]
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert job["AppSpecification"]["ContainerArguments"] == arguments
    assert keys(s3, "copy/out/") == ["copy/out/deep/copy.txt", "copy/out/environment.json"]
    assert read(s3, "copy/out/deep/copy.txt") == b"SOME TEXT"
    assert log("processing", "copy") == "copying\n"
    check_environment(sandbox, json.loads(read(s3, "copy/out/environment.json")))


def check_environment(sandbox: Sandbox, variables: dict[str, str]) -> None:
    root = sandbox.data_dir / "jobs/processing/copy/ml"
    assert variables["MODEL"] == str(root / "model")
    assert variables["MODE"] == "full"
    assert variables["SM_CHANNEL_DATA"] == str(root / "processing/in")
    assert variables["AWS_ENDPOINT_URL"] == sandbox.url
    assert not root.exists()


def test_the_log_is_in_cloudwatch(sandbox: Sandbox, sagemaker: Any, s3: Any) -> None:
    put_script(s3, "logged", "print('seen')")
    sagemaker.create_processing_job(**processing("logged"))
    ended(sagemaker, "processing_job", "logged")
    logs = sandbox.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="logged/")["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["seen"]


def test_a_failing_script_fails_the_job(sagemaker: Any, s3: Any, log: Log) -> None:
    put_script(s3, "failing", "print('before'); raise SystemExit('no reviews in the input')")
    sagemaker.create_processing_job(**processing("failing"))
    job = ended(sagemaker, "processing_job", "failing")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no reviews in the input, exit code: 1"
    assert "before\n" in log("processing", "failing")
    assert keys(s3, "failing/out/") == []


def test_a_script_may_leave_an_exit_message(sagemaker: Any, s3: Any) -> None:
    script = "import os; open(os.environ['SM_OUTPUT_DIR'] + '/message', 'w').write('half done'); raise SystemExit(4)"
    put_script(s3, "message", "import os; os.makedirs(os.environ['SM_OUTPUT_DIR'], exist_ok=True)\n" + script)
    sagemaker.create_processing_job(**processing("message"))
    job = ended(sagemaker, "processing_job", "message")
    assert job["ExitMessage"] == "half done"
    assert job["FailureReason"] == "AlgorithmError: , exit code: 4"


@pytest.mark.parametrize("deaf", [False, True], ids=["listening", "deaf"])
@pytest.mark.operation("StopProcessingJob")
def test_a_stop_kills_every_process(sagemaker: Any, s3: Any, log: Log, deaf: bool) -> None:
    name = "stopped-deaf" if deaf else "stopped"
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    put_script(s3, name, (ignore if deaf else "") + SLEEP)
    sagemaker.create_processing_job(**processing(name))
    processes = sleepers(log, name)
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert described(sagemaker, "processing_job", name)["ProcessingJobStatus"] == "Stopping"
    job = ended(sagemaker, "processing_job", name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    wait_for(lambda: not alive(processes))


def test_a_job_that_runs_too_long_is_stopped(sagemaker: Any, s3: Any, log: Log) -> None:
    put_script(s3, "too-long", SLEEP)
    sagemaker.create_processing_job(**processing("too-long", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    job = ended(sagemaker, "processing_job", "too-long")
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["FailureReason"]
    wait_for(lambda: not alive(sleepers(log, "too-long")))


def test_inputs_that_do_not_exist_fail_the_job(sagemaker: Any, s3: Any) -> None:
    sagemaker.create_processing_job(**processing("no-inputs"))
    job = ended(sagemaker, "processing_job", "no-inputs")
    assert job["FailureReason"].startswith("ClientError: Data download failed: NoSuchKey")
    assert "s3://jobs-tests/no-inputs/code" in job["FailureReason"]


def test_an_unknown_image_fails_the_job(sagemaker: Any) -> None:
    request = processing("unknown-image")
    request["AppSpecification"]["ImageUri"] = "1.dkr.ecr.us-east-1.amazonaws.com/spark:3"
    sagemaker.create_processing_job(**request)
    job = ended(sagemaker, "processing_job", "unknown-image")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "sagemaker-scikit-learn (ProcessingJob)" in job["FailureReason"]


@pytest.mark.operation("CreateProcessingJob", error="ResourceInUse")
def test_a_name_is_used_once(sagemaker: Any, s3: Any, error: Refused) -> None:
    put_script(s3, "twice", "")
    sagemaker.create_processing_job(**processing("twice"))
    code, message = error(sagemaker.create_processing_job, **processing("twice"))
    assert code == "ResourceInUse"
    assert "must be unique" in message
    ended(sagemaker, "processing_job", "twice")


@pytest.mark.operation("CreateProcessingJob", error="ValidationException")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"S3DataType": "ManifestFile"}, "S3Prefix inputs only (input code)"),
        ({"S3InputMode": "Pipe"}, "no input mode Pipe (input code)"),
        ({"LocalPath": "/tmp/code"}, "must be below /opt/ml/processing/"),
    ],
)
def test_what_the_sandbox_lacks_is_refused(
    sagemaker: Any, error: Refused, change: dict[str, str], message: str
) -> None:
    request = processing("refused")
    request["ProcessingInputs"][0]["S3Input"].update(change)
    code, text = error(sagemaker.create_processing_job, **request)
    assert code == "ValidationException"
    assert message in text


@pytest.mark.operation("DescribeProcessingJob", error="ResourceNotFound")
@pytest.mark.operation("StopProcessingJob", error="ResourceNotFound")
def test_an_unknown_job_is_not_found(sagemaker: Any, error: Refused) -> None:
    for call in (sagemaker.describe_processing_job, sagemaker.stop_processing_job):
        assert error(call, ProcessingJobName="nobody")[0] == "ResourceNotFound"


@pytest.mark.operation("StopProcessingJob", error="ValidationException")
def test_a_job_that_has_ended_cannot_be_stopped(sagemaker: Any, s3: Any, error: Refused) -> None:
    put_script(s3, "over", "")
    sagemaker.create_processing_job(**processing("over"))
    ended(sagemaker, "processing_job", "over")
    code, message = error(sagemaker.stop_processing_job, ProcessingJobName="over")
    assert (code, message.endswith("is in status Completed.")) == ("ValidationException", True)


@pytest.mark.operation("ListProcessingJobs")
def test_jobs_are_listed_by_name_and_status(sagemaker: Any, s3: Any) -> None:
    for name, script in (("listed-1", ""), ("listed-2", "raise SystemExit(1)"), ("listed-3", "")):
        put_script(s3, name, script)
        sagemaker.create_processing_job(**processing(name))
        ended(sagemaker, "processing_job", name)
    ascending = {"NameContains": "listed", "SortBy": "Name", "SortOrder": "Ascending"}
    first = sagemaker.list_processing_jobs(**ascending, MaxResults=2)
    rest = sagemaker.list_processing_jobs(**ascending, MaxResults=2, NextToken=first["NextToken"])
    names = [job["ProcessingJobName"] for page in (first, rest) for job in page["ProcessingJobSummaries"]]
    assert names == ["listed-1", "listed-2", "listed-3"]
    assert "NextToken" not in rest
    failed = sagemaker.list_processing_jobs(NameContains="listed", StatusEquals="Failed")["ProcessingJobSummaries"]
    assert [job["ProcessingJobName"] for job in failed] == ["listed-2"]


@pytest.mark.operation("ListProcessingJobs", error="ValidationException")
def test_a_token_that_nobody_gave_is_refused(sagemaker: Any, error: Refused) -> None:
    assert error(sagemaker.list_processing_jobs, NextToken="x")[0] == "ValidationException"
