import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.app import ASSET
from tests.infra.templates import Json, Templates

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

OUTPUTS = {
    "data": ["AssignmentsTableName", "BucketName", "DeliveryStreamName", "ExperimentsTableName"],
    "training": [
        "ChallengerGroupName",
        "ChampionGroupName",
        "ModelExecutionRoleArn",
        "PipelineName",
        "PipelineRoleArn",
    ],
    "workflows": ["BuildEndpointStateMachineArn", "EndpointName", "RebalanceStateMachineArn"],
    "api": ["ApiEndpoint"],
}


def stacks(templates: Templates) -> list[Json]:
    artifacts = templates.manifest["artifacts"].values()
    return [artifact for artifact in artifacts if artifact["type"] == "aws:cloudformation:stack"]


def test_the_outputs_are_those_that_the_commands_read(demo: Templates) -> None:
    assert demo.outputs() == OUTPUTS


def test_names_derive_from_project_and_stage(demo: Templates) -> None:
    assert demo["workflows"]["Outputs"]["EndpointName"]["Value"] == "sagemaker-reviews-demo"
    training = demo["training"]["Outputs"]
    assert training["PipelineName"]["Value"] == "reviews-demo-pipeline"
    assert training["ChampionGroupName"]["Value"] == "reviews-champion"
    assert training["ChallengerGroupName"]["Value"] == "reviews-challenger"


def test_only_a_kept_stage_is_protected(demo: Templates, prod: Templates) -> None:
    assert [stack["properties"]["terminationProtection"] for stack in stacks(prod)] == [True] * 4
    assert not any(stack["properties"].get("terminationProtection") for stack in stacks(demo))


def test_every_resource_that_can_be_tagged_is(demo: Templates) -> None:
    untagged = ("Policy", "Permission", "Method", "Resource", "GatewayResponse", "Deployment", "LogStream", "Rule")
    schedules = ("Schedule", "Alarm", "EventInvokeConfig")
    for name, resource in demo.named("*"):
        if not resource["Type"].endswith((*untagged, *schedules)):
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            assert tags == {"project": "reviews", "stage": "demo"}, name


def test_synthesis_does_not_depend_on_the_account(demo: Templates) -> None:
    assert {stack["environment"] for stack in stacks(demo)} == {"aws://unknown-account/unknown-region"}
    assert "missing" not in demo.manifest  # nothing was looked up


def test_a_wrong_stage_is_one_line(tmp_path: Path) -> None:
    context = {"CDK_CONTEXT_JSON": '{"stage": "nowhere"}', "CDK_OUTDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "infra.app"],
        check=False,
        cwd=ROOT,
        env=os.environ | context | {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("abtest: there is no stage nowhere")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_asset_is_where_the_command_builds_it() -> None:
    from abtest.cli.stage import lambda_asset

    assert ASSET == lambda_asset.ASSET
