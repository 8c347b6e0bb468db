"""A deployment that fails, one that repairs it, and the end of all."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Sandbox

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("abtest"))


def abtest(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, *arguments, "--stage", "demo"]
    return subprocess.run(command, cwd=ROOT, env=sandbox.env, check=False, capture_output=True, text=True, timeout=240)


def left(sandbox: Sandbox) -> list[object]:
    """What a stage makes, by service, whatever its names."""
    return [
        sandbox.client("dynamodb").list_tables()["TableNames"],
        sandbox.client("lambda").list_functions()["Functions"],
        sandbox.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        sandbox.client("stepfunctions").list_state_machines()["stateMachines"],
        sandbox.client("events").list_rules()["Rules"],
        sandbox.client("sqs").list_queues().get("QueueUrls", []),
        sandbox.client("apigateway").get_rest_apis()["items"],
        sandbox.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"],
        sandbox.client("logs").describe_log_groups()["logGroups"],
        [b for b in sandbox.client("s3").list_buckets()["Buckets"] if "reviews" in b["Name"]],
        [r for r in sandbox.client("iam").list_roles()["Roles"] if "reviews" in r["RoleName"]],
    ]


def test_from_a_failure_to_nothing(sandbox_factory: Callable[..., Sandbox]) -> None:
    sandbox = sandbox_factory()
    sagemaker = sandbox.client("sagemaker")
    assert abtest(sandbox, "outputs").stderr == ("abtest: stage demo is not deployed: run abtest deploy --stage demo\n")

    sagemaker.create_model_package_group(ModelPackageGroupName="reviews-champion")
    failed = abtest(sandbox, "deploy")
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert last.startswith("abtest: stack reviews-demo-training: ChampionGroup (AWS::SageMaker::ModelPackageGroup)")
    assert "already exists" in last
    assert "Traceback" not in failed.stderr

    sagemaker.delete_model_package_group(ModelPackageGroupName="reviews-champion")
    repaired = abtest(sandbox, "deploy")
    assert repaired.returncode == 0, repaired.stderr
    assert "ApiEndpoint" in abtest(sandbox, "outputs").stdout

    bucket = next(b["Name"] for b in sandbox.client("s3").list_buckets()["Buckets"] if "reviews" in b["Name"])
    sandbox.client("s3").put_object(Bucket=bucket, Key="events/x", Body=b"x")
    sagemaker.create_model_package(ModelPackageGroupName="reviews-champion")
    destroyed = abtest(sandbox, "destroy", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    assert "kept: " in destroyed.stderr
    assert not any(left(sandbox))
    assert abtest(sandbox, "destroy", "--yes").returncode == 1
