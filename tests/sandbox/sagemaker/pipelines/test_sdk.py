"""Plain SageMaker SDK v3 against the sandbox: upsert, start, wait, list_steps, delete."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.sagemaker.pipelines.test_on_the_sandbox import SCRIPT

pytestmark = pytest.mark.slow


def role(sandbox: Sandbox, name: str) -> str:
    """The ARN of a role that passes the SDK's own check of permissions and trust."""
    trust = statement(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole")
    iam = sandbox.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=statement(Action="*", Resource="*"))
    return str(arn)


def statement(**members: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **members}]})


def test_the_sdk_runs_a_pipeline(sandbox: Sandbox) -> None:
    bucket = f"sdk-{uuid.uuid4().hex[:8]}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    sandbox.client("s3").put_object(Bucket=bucket, Key="code/report.py", Body=SCRIPT.encode())
    script = Path(__file__).with_name("sdk_round_trip.py")
    command = [sys.executable, str(script), bucket, role(sandbox, bucket)]
    result = subprocess.run(command, env=sandbox.env, capture_output=True, timeout=240, check=False)
    assert result.returncode == 0, result.stderr.decode()
    shown = json.loads(result.stdout.decode().splitlines()[-1])
    assert shown["arns"] == [f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{bucket}"] * 2
    assert shown["good"] == {"status": "Succeeded", "steps": {"Gate": "Succeeded", "Evaluate": "Succeeded"}}
    assert shown["bad"]["status"] == "Failed"
    assert shown["bad"]["steps"] == {"Refused": "Failed", "Gate": "Succeeded", "Evaluate": "Succeeded"}
    assert "terminal failure state" in shown["wait"]
    assert (shown["executions"], shown["parameters"]) == (2, [{"Name": "Accuracy", "Value": "0.25"}])
