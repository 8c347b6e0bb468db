"""Plain SageMaker SDK v3 against the sandbox: upsert, start, wait, list_steps, delete."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.sagemaker.pipelines.test_on_the_sandbox import SCRIPT

pytestmark = pytest.mark.slow


def test_the_sdk_runs_a_pipeline(sandbox: Sandbox) -> None:
    bucket = f"sdk-{uuid.uuid4().hex[:8]}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    sandbox.client("s3").put_object(Bucket=bucket, Key="code/report.py", Body=SCRIPT.encode())
    script = Path(__file__).with_name("sdk_round_trip.py")
    environment = sandbox.env | {"SAGEMAKER_VALIDATE_ROLE": "false"}
    command = [sys.executable, str(script), bucket]
    result = subprocess.run(command, env=environment, capture_output=True, timeout=240, check=False)
    assert result.returncode == 0, result.stderr.decode()
    shown = json.loads(result.stdout.decode().splitlines()[-1])
    assert shown["arns"] == [f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{bucket}"] * 2
    assert shown["good"] == {"status": "Succeeded", "steps": {"Gate": "Succeeded", "Evaluate": "Succeeded"}}
    assert shown["bad"]["status"] == "Failed"
    assert shown["bad"]["steps"] == {"Refused": "Failed", "Gate": "Succeeded", "Evaluate": "Succeeded"}
    assert "terminal failure state" in shown["wait"]
    assert (shown["executions"], shown["parameters"]) == (2, [{"Name": "Accuracy", "Value": "0.25"}])
