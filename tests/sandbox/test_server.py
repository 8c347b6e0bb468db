"""The process: one port, several side by side, refusals, and what a stop and a kill leave behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import Sandbox, free_port, wait_for
from tests.sandbox.functions import ROLE, create_function, create_machine, run, task

pytestmark = pytest.mark.slow

Factory = Callable[..., Sandbox]

WAITING = {"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 3600, "End": True}}}
PASSING = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


def test_it_serves_aws_on_one_port(sandbox: Sandbox) -> None:
    assert sandbox.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert sandbox.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] is not None


def test_it_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    assert sandbox.process is not None
    listening = [c.laddr for c in psutil.Process(sandbox.process.pid).net_connections() if c.status == "LISTEN"]
    assert listening == [("127.0.0.1", sandbox.port)]


def test_an_inherited_environment_does_not_matter(sandbox_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    sandbox = sandbox_factory()
    monkeypatch.undo()
    arn = create_machine(sandbox, "calls-the-port", task("arn:aws:states:::aws-sdk:sts:getCallerIdentity"))
    assert run(sandbox, arn)["status"] == "SUCCEEDED"
    assert sandbox.client("sts").get_caller_identity()["Account"] == "000000000000"


def refused(port: int, folder: Path) -> str:
    command = [sys.executable, "-m", "abtest.sandbox", "--port", str(port), "--data-dir", str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


def test_a_busy_port_and_a_folder_in_use_are_refused_with_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    assert f"port {sandbox.port} is in use" in refused(sandbox.port, tmp_path)
    assert "is in use by another sandbox" in refused(free_port(), sandbox.data_dir)


def test_two_side_by_side_share_nothing(sandbox: Sandbox, sandbox_factory: Factory) -> None:
    other = sandbox_factory()
    other.client("s3").create_bucket(Bucket="only-in-the-other")
    other.client("ssm").put_parameter(Name="only-in-the-other", Value="1", Type="String")
    names = [bucket["Name"] for bucket in sandbox.client("s3").list_buckets()["Buckets"]]
    assert "only-in-the-other" not in names
    assert not sandbox.client("ssm").get_parameters(Names=["only-in-the-other"])["Parameters"]


def fill(sandbox: Sandbox) -> str:
    """Something in every service that the loop relies on; returns the ARN of an execution that runs on."""
    sandbox.client("s3").create_bucket(Bucket="kept")
    sandbox.client("s3").put_object(Bucket="kept", Key="a/b.txt", Body=b"body")
    sandbox.client("dynamodb").create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    sandbox.client("dynamodb").put_item(TableName="kept", Item={"id": {"S": "1"}, "n": {"N": "0.25"}})
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    states = sandbox.client("stepfunctions")
    states.start_execution(stateMachineArn=create_machine(sandbox, "passing", PASSING), name="done")
    waiting = create_machine(sandbox, "waiting", WAITING)
    started: str = states.start_execution(stateMachineArn=waiting, name="waits")["executionArn"]
    done = started.replace("waiting:waits", "passing:done")
    wait_for(lambda: states.describe_execution(executionArn=done)["status"] == "SUCCEEDED")
    return started


def check(sandbox: Sandbox, running: str) -> None:
    assert sandbox.client("s3").get_object(Bucket="kept", Key="a/b.txt")["Body"].read() == b"body"
    item = sandbox.client("dynamodb").get_item(TableName="kept", Key={"id": {"S": "1"}})["Item"]
    assert item == {"id": {"S": "1"}, "n": {"N": "0.25"}}
    group = sandbox.client("sagemaker").describe_model_package_group(ModelPackageGroupName="kept")
    assert group["ModelPackageGroupStatus"] == "Completed"
    states = sandbox.client("stepfunctions")
    done = running.replace("waiting:waits", "passing:done")
    assert states.describe_execution(executionArn=done)["status"] == "SUCCEEDED"
    failed = states.describe_execution(executionArn=running)
    assert (failed["status"], failed["cause"]) == ("FAILED", "The sandbox stopped while the execution was running")
    assert "after the restart: execution waits of waiting is FAILED" in sandbox.log


def test_after_sigterm_nothing_is_lost(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory("--snapshot-seconds", "3600")
    running = fill(sandbox)
    sandbox.restart(signal.SIGTERM)
    assert "stopped, all state is saved" in sandbox.log
    check(sandbox, running)


def test_after_sigkill_a_snapshot_of_at_most_five_seconds_is_back(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory()
    running = fill(sandbox)
    time.sleep(5)  # the promise itself
    sandbox.restart(signal.SIGKILL)
    check(sandbox, running)
    assert sandbox.log.count("after the restart") == 1
    sandbox.restart(signal.SIGKILL)
    assert sandbox.log.count("after the restart") == 1  # said once


def test_a_schedule_that_has_fired_does_not_fire_again_after_a_restart(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory("--snapshot-seconds", "3600")
    machine = create_machine(sandbox, "scheduled", PASSING)
    for name, expression in (("once", "at(2020-01-01T00:00:00)"), ("hourly", "rate(1 hours)")):
        sandbox.client("scheduler").create_schedule(
            Name=name,
            ScheduleExpression=expression,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": machine, "RoleArn": ROLE, "Input": "{}"},
        )

    def executions() -> int:
        return len(sandbox.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"])

    wait_for(executions)
    sandbox.restart()
    time.sleep(2.5)  # two sweeps
    assert executions() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_busy_lambda_worker_does_not_outlive_the_sandbox(sandbox_factory: Factory, number: int) -> None:
    sandbox = sandbox_factory()
    started = sandbox.data_dir / "started"
    source = f"import time\ndef handler(event, context):\n open({str(started)!r}, 'w').close()\n time.sleep(600)\n"
    create_function(sandbox, "busy", source, Timeout=900)
    sandbox.client("lambda").invoke(FunctionName="busy", InvocationType="Event", Payload="{}")
    wait_for(started.exists)
    assert sandbox.process is not None
    assert psutil.Process(sandbox.process.pid).children()
    sandbox.restart(number)  # fails if a child is left
    assert not list((sandbox.data_dir / "tmp").iterdir())


def test_the_pid_file_and_the_data_folder_go_with_the_process(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory()
    assert sandbox.process is not None
    pid_file = sandbox.data_dir / "sandbox.pid"
    assert int(pid_file.read_text()) == sandbox.process.pid
    sandbox.stop()
    assert not pid_file.exists()
    assert not list((sandbox.data_dir / "tmp").iterdir())
