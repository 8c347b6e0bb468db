"""A deployment that fails says why, and the next one repairs it."""

import json
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


def test_a_failure_names_the_resource_and_the_next_deployment_repairs_it(
    sandbox_factory: Callable[..., Sandbox],
) -> None:
    sandbox = sandbox_factory()
    sagemaker = sandbox.client("sagemaker")
    refused = "abtest: stage demo is not deployed: run abtest deploy --stage demo\n"
    assert abtest(sandbox, "outputs").stderr == refused

    sagemaker.create_model_package_group(ModelPackageGroupName="reviews-champion")
    failed = abtest(sandbox, "deploy")
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert last.startswith("abtest: stack reviews-demo-training: ChampionGroup (AWS::SageMaker::ModelPackageGroup)")
    assert "already exists" in last
    assert "Traceback" not in failed.stderr

    sagemaker.delete_model_package_group(ModelPackageGroupName="reviews-champion")
    repaired = abtest(sandbox, "deploy", "--json")
    assert repaired.returncode == 0, repaired.stderr
    printed = json.loads(repaired.stdout)
    assert printed["stage"] == "demo" and printed["seconds"] > 0
    assert printed["outputs"] == json.loads(abtest(sandbox, "outputs", "--json").stdout)
    assert "ApiEndpoint" in printed["outputs"]
