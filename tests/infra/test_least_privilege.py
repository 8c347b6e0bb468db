"""The loop where IAM is enforced: every role may do what it must, and `abtest destroy` leaves nothing.

The stage has shadows and canaries, so that each function of release safety runs with its own role, too.
"""

import functools
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.environments import load
from tests.conftest import ROOT, Sandbox, wait_for
from tests.infra.api import post
from tests.sandbox.functions import ROLE
from tests.sandbox.sagemaker.artefacts import IMAGE, model_tar

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENDPOINT, ANOTHER = "sagemaker-reviews-demo", "sagemaker-reviews-churn"
MADE = ("ChampionGroupName", "BucketName", "BuildEndpointStateMachineArn")
DATA = json.dumps({"instances": ["long and detailed"]})
USERS = 6  # in shadow
SAFETY = {
    "shadow": {"minutes": 0.1, "least_requests": USERS, "most_latency_ratio": 1000},
    "canary": {"share": 0.25, "minutes": 60, "most_latency_ms": 5000},
}


def project(folder: Path, **config: Any) -> Path:
    """The project once more, by links, where the stage `demo` is configured so."""
    for entry in ROOT.iterdir():
        if entry.name not in ("build", "infra") and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "infra", folder / "infra")
    path = folder / "infra" / "config" / "demo.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


def run(sandbox: Sandbox, folder: Path, *arguments: str) -> str:
    """What the project's command prints."""
    command = [str(Path(sys.executable).with_name("abtest")), *arguments, "--stage", "demo"]
    env = sandbox.env | {"PYTHONPATH": os.fspath(folder)}
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=240).stdout


def register(sandbox: Sandbox, group: str, bucket: str, *, inverted: bool) -> None:
    """An approved package of a small model."""
    key = f"models/{group}/model.tar.gz"
    sandbox.client("s3").put_object(Bucket=bucket, Key=key, Body=model_tar(inverted=inverted))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"}
    sandbox.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def create_another(sandbox: Sandbox, bucket: str) -> None:
    """An endpoint that is not the stage's, whose tags ask to take part."""
    sagemaker = sandbox.client("sagemaker")
    variants: list[dict[str, Any]] = []
    for name, group in (("a", "ChampionGroupName"), ("b", "ChallengerGroupName")):
        url = f"s3://{bucket}/models/reviews-{group.removesuffix('GroupName').lower()}/model.tar.gz"
        sagemaker.create_model(
            ModelName=f"churn-{name}", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url}
        )
        variants.append({"VariantName": name, "ModelName": f"churn-{name}", "InstanceType": "ml.m5.large"})
    variants = [variant | {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0} for variant in variants]
    sagemaker.create_endpoint_config(EndpointConfigName="churn", ProductionVariants=variants)
    tags = {"ab-testing:enabled": "true", "ab-testing:strategy": "UCB1"}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    sagemaker.create_endpoint(EndpointName=ANOTHER, EndpointConfigName="churn", Tags=listed)


def delete_another(sandbox: Sandbox) -> None:
    sagemaker = sandbox.client("sagemaker")
    wait_for(lambda: sagemaker.describe_endpoint(EndpointName=ANOTHER)["EndpointStatus"] == "InService")
    sagemaker.delete_endpoint(EndpointName=ANOTHER)
    sagemaker.delete_endpoint_config(EndpointConfigName="churn")
    for name in ("a", "b"):
        sagemaker.delete_model(ModelName=f"churn-{name}")
    wait_for(lambda: not sagemaker.list_endpoints(NameContains=ANOTHER)["Endpoints"])


def ended(sandbox: Sandbox, machine: str) -> list[dict[str, Any]]:
    """The machine's executions, once there are some and none runs."""
    states = sandbox.client("stepfunctions")

    def settled() -> Any:
        found = states.list_executions(stateMachineArn=machine)["executions"]
        return found if found and not any(e["status"] == "RUNNING" for e in found) else None

    executions: list[dict[str, Any]] = wait_for(settled, 120)
    return [states.describe_execution(executionArn=e["executionArn"]) for e in executions]


def started(sandbox: Sandbox, machine: str, change: Callable[[], object]) -> None:
    """Does what starts the machine, and waits until it has succeeded."""
    states = sandbox.client("stepfunctions")
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    change()
    wait_for(lambda: len(states.list_executions(stateMachineArn=machine)["executions"]) > before)
    for execution in ended(sandbox, machine):
        assert execution["status"] == "SUCCEEDED", execution["cause"]


def left(sandbox: Sandbox) -> list[object]:
    """What a stage makes, by service, whatever its names."""
    sagemaker = sandbox.client("sagemaker")
    return [
        sandbox.client("dynamodb").list_tables()["TableNames"],
        sandbox.client("lambda").list_functions()["Functions"],
        sandbox.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        sandbox.client("stepfunctions").list_state_machines()["stateMachines"],
        sandbox.client("events").list_rules()["Rules"],
        sandbox.client("cloudwatch").describe_alarms()["MetricAlarms"],
        sandbox.client("sqs").list_queues().get("QueueUrls", []),
        sandbox.client("apigateway").get_rest_apis()["items"],
        sandbox.client("logs").describe_log_groups()["logGroups"],
        sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        sagemaker.list_endpoints()["Endpoints"],
        sagemaker.list_endpoint_configs()["EndpointConfigs"],
        sagemaker.list_models()["Models"],
        [bucket for bucket in sandbox.client("s3").list_buckets()["Buckets"] if "reviews" in bucket["Name"]],
        [role for role in sandbox.client("iam").list_roles()["Roles"] if "reviews" in role["RoleName"]],
    ]


def in_shadow(sandbox: Sandbox, table: str) -> bool:
    """Whether the time of a shadow has begun: what was captured before does not count."""
    items = sandbox.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return any(item["item"]["S"].startswith("SHADOW#") for item in items)


def described(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    return found


def weights(sandbox: Sandbox) -> dict[str, float]:
    return {variant["VariantName"]: variant["CurrentWeight"] for variant in described(sandbox)["ProductionVariants"]}


def lines(sandbox: Sandbox, bucket: str) -> int:
    """How many events are in S3."""
    s3 = sandbox.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="events/").get("Contents", [])
    bodies = (s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found)
    return sum(gzip.decompress(body).count(b"\n") for body in bodies)


def shadow_then_canary(sandbox: Sandbox, outputs: dict[str, str]) -> None:
    """The rule's role starts build-endpoint, which makes models, configs, endpoint and experiment, and compares."""
    for group in ("ChampionGroupName", "ChallengerGroupName"):
        register(sandbox, outputs[group], outputs["BucketName"], inverted=False)
    wait_for(lambda: in_shadow(sandbox, outputs["ExperimentsTableName"]), 120)

    # The routes read the experiment, assign, invoke, put events; SageMaker, with the model's role, captures.
    for number in range(USERS):
        body = {"endpoint_name": ENDPOINT, "data": DATA, "user_id": f"user-{number}"}
        status, invoked = post(outputs["ApiEndpoint"] + "invocation", body)
        assert (status, invoked["strategy"]) == (201, load("demo").strategy), invoked
    status, document = post(outputs["ApiEndpoint"] + "conversion", invoked | {"reward": 1})
    assert status == 200, document
    assert weights(sandbox) == {"Champion1": 1.0}

    for execution in ended(sandbox, outputs["BuildEndpointStateMachineArn"]):
        assert execution["status"] == "SUCCEEDED", execution["cause"]
    assert weights(sandbox) == {"Champion1": 0.75, "Challenger1": 0.25}
    wait_for(lambda: lines(sandbox, outputs["BucketName"]) == USERS + 1)


def taken_out_and_readmitted(sandbox: Sandbox, machine: str, abtest: Callable[..., str]) -> None:
    """An alarm's event calls TakeOut, which writes and starts rebalance; its role moves the weights, both times."""
    cloudwatch, alarm = sandbox.client("cloudwatch"), f"{ENDPOINT}/Challenger1/latency"
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by the test")
    wait_for(lambda: weights(sandbox) == {"Champion1": 1.0, "Challenger1": 0.0}, 60)
    shown = json.loads(abtest("status", "--json"))["variants"][1]
    assert shown["out"] == "model latency (p90) above 5000 ms. by the test"

    # No data: the alarm goes down by itself.
    wait_for(lambda: cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "OK")
    abtest("readmit", "Challenger1")
    wait_for(lambda: weights(sandbox) == {"Champion1": 0.75, "Challenger1": 0.25}, 60)
    statuses = [execution["status"] for execution in ended(sandbox, machine)]
    assert statuses == ["SUCCEEDED"] * len(statuses)


def test_the_loop_with_identities_verified(
    sandbox_factory: Callable[..., Sandbox], tmp_path_factory: pytest.TempPathFactory
) -> None:
    sandbox = sandbox_factory("--verify-identities")
    abtest = functools.partial(run, sandbox, project(tmp_path_factory.mktemp("project"), **SAFETY))
    abtest("deploy")
    outputs = json.loads(abtest("outputs", "--json"))
    shadow_then_canary(sandbox, outputs)

    # The function that follows endpoints reads tags, config and models, and registers; the API serves it at once.
    create_another(sandbox, outputs["BucketName"])
    wait_for(lambda: post(outputs["ApiEndpoint"] + "stats", {"endpoint_name": ANOTHER})[0] == 200)
    status, served = post(outputs["ApiEndpoint"] + "invocation", {"endpoint_name": ANOTHER, "data": DATA})
    assert (status, served["strategy"]) == (201, "UCB1"), served

    # rebalance-all starts rebalance, which lists and reads events, writes the Decision, may move weights.
    states = sandbox.client("stepfunctions")
    states.start_execution(stateMachineArn=outputs["RebalanceStateMachineArn"] + "-all", input="{}")
    ended(sandbox, outputs["RebalanceStateMachineArn"] + "-all")
    rebalanced = ended(sandbox, outputs["RebalanceStateMachineArn"])
    assert [one["status"] for one in rebalanced] == ["SUCCEEDED"] * 2, rebalanced
    status, stats = post(outputs["ApiEndpoint"] + "stats", {"endpoint_name": ENDPOINT})
    assert status == 200
    assert sum(metrics["invocation_count"] for metrics in stats["variant_metrics"]) == USERS

    taken_out_and_readmitted(sandbox, outputs["RebalanceStateMachineArn"], abtest)
    delete_another(sandbox)
    wait_for(lambda: post(outputs["ApiEndpoint"] + "stats", {"endpoint_name": ANOTHER})[0] == 404)

    # Two more champions: what the first release left is cleaned up. One step back: its experiment is resumed.
    group, bucket, machine = (outputs[key] for key in MADE)
    for _ in range(2):
        started(sandbox, machine, lambda: register(sandbox, group, bucket, inverted=False))
    assert len(sandbox.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]) == 2
    started(sandbox, machine, lambda: abtest("rollback", "--yes"))
    resumed = json.loads(abtest("status", "--json"))
    assert (resumed["experiment_id"], len(resumed["variants"])) == ("reviews-demo-v2-1", 1)

    abtest("destroy", "--yes")
    assert not any(left(sandbox)), left(sandbox)
