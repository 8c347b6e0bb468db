"""The sandbox ends in the middle of the demo, and is started again on the same folder: the promise of its README."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Sandbox, free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STOPPED = "The sandbox stopped while the"
ENDPOINT = "sagemaker-reviews-demo"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator["Demo"]:
    started = Demo(tmp_path)
    yield started
    started.end()


class Demo:
    """A small demo, and its sandbox as one that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox(free_port(), folder / "sandbox")
        line = f"demo --users 40 --rounds 2 --port {self.sandbox.port} --output {folder}"
        command = [sys.executable, "-c", "from abtest.cli.main import main; main()", *line.split()]
        self._log = folder / "demo.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        def said() -> bool:
            assert self.process.poll() is None, self.log
            return text in self.log

        wait_for(said, 300)

    def interrupt(self, number: int) -> None:
        """Ends the sandbox with the signal and starts it again on its folder, as the user would."""
        pid = int((self.sandbox.data_dir / "sandbox.pid").read_text())
        sandbox = psutil.Process(pid)
        family = [sandbox, *sandbox.children(recursive=True)]
        sandbox.send_signal(number)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
        self.process.wait(120)
        self.sandbox.start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        if self.sandbox.process is not None:
            self.sandbox.stop()


def outputs(sandbox: Sandbox) -> dict[str, str]:
    stacks = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", [])}


def test_killed_while_it_trains(demo: Demo) -> None:
    demo.wait_for("TuneChallenger: Executing")
    known: dict[str, Any] = outputs(demo.sandbox)
    demo.interrupt(signal.SIGKILL)
    assert demo.process.returncode == 1
    assert outputs(demo.sandbox) == known
    sagemaker = demo.sandbox.client("sagemaker")
    (execution,) = sagemaker.list_pipeline_executions(PipelineName=known["PipelineName"])["PipelineExecutionSummaries"]
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution["PipelineExecutionArn"])
    assert described["PipelineExecutionStatus"] == "Failed"
    assert STOPPED in described["FailureReason"]
    jobs = sagemaker.list_training_jobs(MaxResults=50)["TrainingJobSummaries"]
    ended = [sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"]) for job in jobs]
    assert {job["TrainingJobStatus"] for job in ended} <= {"Completed", "Failed"}
    assert all(STOPPED in job["FailureReason"] for job in ended if job["TrainingJobStatus"] == "Failed")
    assert "after the restart: " in demo.sandbox.log


def test_stopped_while_it_serves(demo: Demo) -> None:
    demo.wait_for("round 1 of 2")
    demo.interrupt(signal.SIGTERM)
    sandbox, known = demo.sandbox, outputs(demo.sandbox)
    described = wait_for(lambda: in_service(sandbox), 60)
    assert len(described["ProductionVariants"]) == 2
    answer = sandbox.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, ContentType="application/json", Body=b'{"instances": ["works well"]}'
    )
    assert re.search(rb"__label__(Not)?Helpful", answer["Body"].read())
    items = sandbox.client("dynamodb").scan(TableName=known["ExperimentsTableName"])["Items"]
    assert {"EXPERIMENT"} < {item["item"]["S"] for item in items}
    keys = sandbox.client("s3").list_objects_v2(Bucket=known["BucketName"], Prefix="events/")
    assert keys["KeyCount"] > 0


def in_service(sandbox: Sandbox) -> Any:
    described = sandbox.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    return described if described["EndpointStatus"] == "InService" else None
