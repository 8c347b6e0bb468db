"""The sandbox ends in the middle of a demo, and is started again on the same folder."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.demo.readings import pages, read, require_kept, settled
from tests.cli.demo.running import COMMAND, Demo
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Restart = Callable[[Demo], str]

PROMISED_SECONDS = 5.0  # the age of a snapshot, at most


@pytest.fixture
def restart() -> Iterator[Restart]:
    """Starts the sandbox again, as the demo's complaint says; returns what this start has logged."""
    started: list[Demo] = []

    def start(demo: Demo) -> str:
        log = demo.sandbox.data_dir / "sandbox.log"
        size = log.stat().st_size
        started.append(demo)
        abtest(demo, "sandbox", "up", "--detach", "--port", str(demo.port), "--data-dir", str(demo.sandbox.data_dir))
        return log.read_bytes()[size:].decode()

    yield start
    for demo in started:
        abtest(demo, "sandbox", "down", "--port", str(demo.port))
        assert not demo.left()


def abtest(demo: Demo, *arguments: str) -> str:
    """What the command prints; it must succeed."""
    command: list[str | Path] = [COMMAND, *arguments]
    return subprocess.run(command, env=demo.sandbox.env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def end_by(number: signal.Signals, demo: Demo) -> None:
    """Sends the signal to the demo's sandbox: the demo must say so, and nothing of either may be left."""
    psutil.Process(demo.sandbox_pid).send_signal(number)
    assert demo.end() == 1, demo.told
    assert demo.complaint().startswith("abtest: the sandbox ended in the middle of the demo: "), demo.told


def test_after_sigterm_during_the_traffic_nothing_is_lost(start_demo: Callable[..., Demo], restart: Restart) -> None:
    demo = start_demo(USERS="120", ROUNDS="4")
    demo.wait_for_line("round 2 of 4")
    demo.process.send_signal(signal.SIGSTOP)
    before = settled(demo.sandbox)
    demo.process.send_signal(signal.SIGCONT)
    end_by(signal.SIGTERM, demo)
    assert len(before["packages"]) == 2
    assert len(before["events"]) > 60
    assert sum("DECISION#" in name for name in before["items"]) == 2

    restart(demo)
    require_kept(before, read(demo.sandbox))
    users = ("--users", "4", "--first-user", "1000")
    served = json.loads(abtest(demo, "simulate", *users, "--json", "--stage", "demo"))
    assert sum(variant["invocation_count"] for variant in served) == 4
    decided = json.loads(abtest(demo, "rebalance", "--wait", "--json", "--stage", "demo"))
    assert decided["decision"]["decision_id"] == "reviews-demo-v1-1-d000003"


def test_after_sigkill_during_the_tuning_a_snapshot_is_back(start_demo: Callable[..., Demo], restart: Restart) -> None:
    demo = start_demo(PARAMS="MaximumTuningJobs=200")  # too many to be done within what follows
    demo.wait_for_line("TuneChallenger: Executing")
    demo.wait_for_line("TrainChampion: Succeeded")
    before = read(demo.sandbox)
    time.sleep(PROMISED_SECONDS)
    end_by(signal.SIGKILL, demo)
    assert any("/TrainChampion" in name for name in before["executions"])

    log = restart(demo)
    require_kept(before, read(demo.sandbox))
    reasons = failed(demo.sandbox.client("sagemaker"))
    assert len([name for name in reasons if "TuneChal" in name]) > 1
    assert len([name for name in reasons if name.startswith("arn:")]) == 1
    for name, reason in reasons.items():
        assert "The sandbox stopped while the" in reason
        assert name in log


def failed(sagemaker: Any) -> dict[str, str]:
    """The FailureReason of every Failed job and execution by name, or ARN; nothing runs any more."""
    training = pages(sagemaker, "list_training_jobs", "TrainingJobSummaries")
    (tuning,) = pages(sagemaker, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries")
    (pipeline,) = pages(sagemaker, "list_pipelines", "PipelineSummaries")
    (execution,) = pages(
        sagemaker, "list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=pipeline["PipelineName"]
    )
    tuning_name, arn = tuning["HyperParameterTuningJobName"], execution["PipelineExecutionArn"]
    assert {job["TrainingJobStatus"] for job in training} == {"Completed", "Failed"}
    assert (tuning["HyperParameterTuningJobStatus"], execution["PipelineExecutionStatus"]) == ("Failed", "Failed")
    described = {
        job["TrainingJobName"]: sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
        for job in training
        if job["TrainingJobStatus"] == "Failed"
    }
    described[tuning_name] = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_name)
    described[arn] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return {name: answer["FailureReason"] for name, answer in described.items()}
