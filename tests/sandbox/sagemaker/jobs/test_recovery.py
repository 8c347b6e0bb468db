"""Jobs that run when the sandbox dies: no process outlives it, and the next start says what became of them."""

import http.client
import os
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


def start_script(sandbox: Sandbox) -> list[int]:
    """An endless processing job; its process ids."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    put_script(s3, "endless", SLEEP)
    sandbox.client("sagemaker").create_processing_job(**processing("endless"))
    log = sandbox.data_dir / "jobs/processing/endless/log.txt"
    line = wait_for(lambda: log.exists() and "pids" in log.read_text() and log.read_text())
    return [int(pid) for pid in line.split()[1:]]


def start_trainings(sandbox: Sandbox) -> None:
    """A training and a tuning job, both endless."""
    sagemaker = sandbox.client("sagemaker")
    put_training_data(sandbox.client("s3"))
    sagemaker.create_training_job(**training("endless", epochs="10000000"))
    request = tuning("endless", RANGES, parallel=2, epochs="10000000", min_count="1")
    sagemaker.create_hyper_parameter_tuning_job(**request)
    wait_for(lambda: len(trials(sagemaker, "endless")) == 2)


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
    pids = start_script(sandbox)
    start_trainings(sandbox)
    if number == signal.SIGKILL:
        wait_for(lambda: saved(sandbox))
    sandbox.stop(number)
    wait_for(lambda: not alive(pids))
    sandbox.start()
    assert statuses(sandbox.client("sagemaker")) == [("Failed", REASON)] * 5
    for job in ("processing job endless", "training job endless", "hyperparameter tuning job endless"):
        assert f"The {job} is Failed: {REASON}." in sandbox.log
    assert not list((sandbox.data_dir / "jobs").glob("*/*/ml"))


def test_a_reset_of_the_sandbox_ends_the_jobs(sandbox_factory: Callable[..., Sandbox]) -> None:
    sandbox = sandbox_factory()
    pids = start_script(sandbox)
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    connection.request("POST", "/_ministack/reset")
    assert connection.getresponse().status == 200
    connection.close()
    wait_for(lambda: not alive(pids))
    assert sandbox.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"] == []


def test_an_interrupt_from_the_terminal_leaves_no_process(sandbox_factory: Callable[..., Sandbox]) -> None:
    sandbox = sandbox_factory()
    pids = start_script(sandbox)
    assert sandbox.process is not None
    os.killpg(sandbox.process.pid, signal.SIGINT)
    sandbox.process.wait(30)
    wait_for(lambda: not alive(pids))
