"""Jobs that run when the sandbox dies: no process outlives it, and the next start says what became of them."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.jobs.requests import (
    BUCKET,
    described,
    processing,
    put_script,
    put_training_data,
    training,
    tuning,
)
from tests.sandbox.sagemaker.jobs.test_processing import SLEEP, alive
from tests.sandbox.sagemaker.jobs.test_tuning import NOUN, RANGES, trials

pytestmark = pytest.mark.slow

REASON = "The sandbox stopped while the job was running"


def saved(sandbox: Sandbox) -> bool:
    """True once a snapshot knows the second trial, which began last."""
    snapshot = sandbox.data_dir / "state/sagemaker.json"
    return snapshot.exists() and "endless-002-" in snapshot.read_text()


def start_jobs(sandbox: Sandbox) -> list[int]:
    """A script, a training and a tuning job, all endless; the script's process ids."""
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    put_training_data(s3)
    put_script(s3, "endless", SLEEP)
    sagemaker.create_processing_job(**processing("endless"))
    sagemaker.create_training_job(**training("endless", epochs="10000000"))
    request = tuning("endless", RANGES, parallel=2, epochs="10000000", min_count="1")
    sagemaker.create_hyper_parameter_tuning_job(**request)
    wait_for(lambda: len(trials(sagemaker, "endless")) == 2)
    log = sandbox.data_dir / "jobs/processing/endless/log.txt"
    line = wait_for(lambda: log.exists() and "pids" in log.read_text() and log.read_text())
    return [int(pid) for pid in line.split()[1:]]


def statuses(sagemaker: Any) -> list[tuple[str, str]]:
    """Status and reason of each job."""
    jobs = [
        (described(sagemaker, "processing_job", "endless"), "ProcessingJobStatus"),
        (described(sagemaker, "training_job", "endless"), "TrainingJobStatus"),
        (described(sagemaker, NOUN, "endless"), "HyperParameterTuningJobStatus"),
        *((trial, "TrainingJobStatus") for trial in trials(sagemaker, "endless")),
    ]
    return [(job[status], job["FailureReason"]) for job, status in jobs]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_jobs_end_with_the_sandbox_and_are_failed_afterwards(
    sandbox_factory: Callable[..., Sandbox], number: signal.Signals
) -> None:
    sandbox = sandbox_factory("--snapshot-seconds", "0.3")
    pids = start_jobs(sandbox)
    if number == signal.SIGKILL:
        wait_for(lambda: saved(sandbox))
    sandbox.stop(number)
    wait_for(lambda: not alive(pids))
    sandbox.start()
    assert statuses(sandbox.client("sagemaker")) == [("Failed", REASON)] * 5
    for job in ("processing job endless", "training job endless", "hyperparameter tuning job endless"):
        assert f"The {job} is Failed: {REASON}." in sandbox.log
    assert not list((sandbox.data_dir / "jobs").glob("*/*/ml"))
