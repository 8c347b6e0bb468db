"""A disk that takes no more, tried by a limit on the size of the files that the sandbox and its jobs may write.

The kernel refuses each write beyond it, as it does on a full disk, wherever it comes from; the errno is another.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.jobs import requests
from tests.sandbox.sagemaker.jobs.requests import ended, keys, processing, put_script, put_training_data, training

pytestmark = pytest.mark.slow

LIMIT_BYTES = 24_000  # the training data fits, model.bin and the state of most services do not


@pytest.fixture
def sandbox(sandbox_factory: Callable[..., Sandbox]) -> Sandbox:
    made = sandbox_factory("--snapshot-seconds", "0.3")
    made.client("s3").create_bucket(Bucket=requests.BUCKET)
    return made


@contextmanager
def full(sandbox: Sandbox) -> Iterator[None]:
    """No file of the sandbox, or of what it starts meanwhile, grows beyond the limit."""
    assert sandbox.process is not None
    process = psutil.Process(sandbox.process.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (LIMIT_BYTES, before[1]))
    yield
    process.rlimit(psutil.RLIMIT_FSIZE, before)


def content(sandbox: Sandbox, key: str) -> bytes:
    body: bytes = sandbox.client("s3").get_object(Bucket=requests.BUCKET, Key=key)["Body"].read()
    return body


def test_a_training_job_fails_and_says_so_and_leaves_no_artefact(sandbox: Sandbox) -> None:
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    put_training_data(s3)
    with full(sandbox):
        sagemaker.create_training_job(**training("full"))
        job = ended(sagemaker, "training_job", "full")
    assert job["TrainingJobStatus"] == "Failed"
    assert "model.bin is not whole: no space left" in job["FailureReason"]
    assert "ModelArtifacts" not in job
    assert keys(s3, "models/") == []
    sagemaker.create_training_job(**training("freed"))
    assert ended(sagemaker, "training_job", "freed")["TrainingJobStatus"] == "Completed"


def test_a_script_whose_output_does_not_fit_fails_the_job_and_nothing_is_uploaded(sandbox: Sandbox) -> None:
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    script = "import pathlib, sys\nfor n in (1, 2): (pathlib.Path(sys.argv[1]) / str(n)).write_bytes(bytes(20_000 * n))"
    put_script(s3, "outputs", script)
    request = processing("outputs", "/opt/ml/processing/out")
    with full(sandbox):
        sagemaker.create_processing_job(**request)
        job = ended(sagemaker, "processing_job", "outputs")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "File too large" in job["FailureReason"]
    assert keys(s3, "outputs/out/") == []
    sagemaker.create_processing_job(**request | {"ProcessingJobName": "freed"})
    assert ended(sagemaker, "processing_job", "freed")["ProcessingJobStatus"] == "Completed"
    assert keys(s3, "outputs/out/") == ["outputs/out/1", "outputs/out/2"]


def test_an_input_that_the_volume_cannot_hold_fails_the_job(sandbox: Sandbox) -> None:
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    put_script(s3, "inputs", "print('never run')", data="x" * 40_000)
    with full(sandbox):
        sagemaker.create_processing_job(**processing("inputs"))
        job = ended(sagemaker, "processing_job", "inputs")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Insufficient disk space")


def test_a_script_that_talks_more_than_its_log_can_hold_does_not_hang(sandbox: Sandbox) -> None:
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    script = "import sys\nfor n in range(3000): print('word ' * 20, n, file=sys.stderr)\nsys.exit('the last line')"
    put_script(s3, "talks", script)
    with full(sandbox):
        sagemaker.create_processing_job(**processing("talks"))
        job = ended(sagemaker, "processing_job", "talks")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "the last line" in job["FailureReason"]


@pytest.mark.parametrize("versioned", [False, True])
def test_an_object_that_the_disk_does_not_take_is_refused_and_the_old_one_stays(
    sandbox: Sandbox, versioned: bool
) -> None:
    s3 = sandbox.client("s3")
    if versioned:
        s3.put_bucket_versioning(Bucket=requests.BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=requests.BUCKET, Key="artefact", Body=b"old")
    with full(sandbox):
        for key in ("artefact", "new"):
            with pytest.raises(ClientError, match="The sandbox's disk took no more") as raised:
                s3.put_object(Bucket=requests.BUCKET, Key=key, Body=bytes(100_000))
            assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    for _ in range(2):
        assert content(sandbox, "artefact") == b"old"
        assert keys(s3, "") == ["artefact"]
        assert len(s3.list_object_versions(Bucket=requests.BUCKET)["Versions"]) == 1
        sandbox.restart()
    s3.put_object(Bucket=requests.BUCKET, Key="artefact", Body=bytes(100_000))
    assert len(content(sandbox, "artefact")) == 100_000


def test_snapshots_stay_whole_and_go_on_once_there_is_room(sandbox: Sandbox) -> None:
    states = sandbox.data_dir / "state"
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    file = states / "dynamodb.json"
    before = wait_for(lambda: file.exists() and file.read_bytes())
    with full(sandbox):
        for number in range(4):
            dynamodb.put_item(TableName="table", Item={"k": {"S": str(number)}, "text": {"S": "x" * 10_000}})
        wait_for(lambda: "no snapshot of dynamodb" in sandbox.log)
        assert len(file.read_bytes()) < LIMIT_BYTES
        assert list(states.glob("*.draft")) == []
    wait_for(lambda: len(file.read_bytes()) > LIMIT_BYTES, 15)
    assert before != file.read_bytes()
    assert sandbox.log.count("no snapshot of dynamodb") == 1


def test_an_object_that_came_while_the_disk_was_full_is_there_after_a_crash(sandbox: Sandbox) -> None:
    small: dict[str, Any] = {"Bucket": requests.BUCKET, "Key": "small", "Body": b"fits"}
    with full(sandbox):
        sandbox.client("s3").put_object(**small)
    sandbox.restart(9)
    assert content(sandbox, "small") == b"fits"
    assert not list(Path(sandbox.data_dir).rglob("*.abtest-draft"))
