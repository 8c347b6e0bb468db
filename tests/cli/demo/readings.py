"""What a reader sees in a sandbox: everything that the loop keeps, by name."""

import gzip
import json
from collections.abc import Callable
from typing import Any

from tests.conftest import Sandbox, wait_for

Json = dict[str, Any]
Seen = dict[str, Json]


def pages(client: Any, operation: str, member: str, **request: Any) -> list[Json]:
    return [item for page in client.get_paginator(operation).paginate(**request) for item in page.get(member, [])]


def stacks(sandbox: Sandbox) -> Json:
    found = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: (stack["StackStatus"], stack.get("Outputs")) for stack in found}


def objects(sandbox: Sandbox) -> Json:
    s3 = sandbox.client("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return {
        f"{bucket}/{item['Key']}": (item["ETag"], item["Size"])
        for bucket in buckets
        for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket)
    }


def events(sandbox: Sandbox) -> Json:
    s3 = sandbox.client("s3")
    found: Json = {}
    for name in objects(sandbox):
        bucket, _, key = name.partition("/")
        if key.startswith("events/"):
            content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            lines = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
            found |= {event["event_id"]: event for event in map(json.loads, lines.splitlines())}
    return found


def items(sandbox: Sandbox) -> Json:
    """The experiment, its Decisions, the users' assignments and invocations."""
    dynamodb = sandbox.client("dynamodb")
    return {
        json.dumps([table, *(item[key["AttributeName"]]["S"] for key in schema)]): item
        for table in dynamodb.list_tables()["TableNames"]
        for schema in [dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
        for item in pages(dynamodb, "scan", "Items", TableName=table)
    }


def packages(sandbox: Sandbox) -> Json:
    sagemaker = sandbox.client("sagemaker")
    groups = pages(sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList")
    return {
        package["ModelPackageArn"]: without_metadata(
            sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        )
        for group in groups
        for package in pages(
            sagemaker,
            "list_model_packages",
            "ModelPackageSummaryList",
            ModelPackageGroupName=group["ModelPackageGroupName"],
        )
    }


def without_metadata(response: Json) -> Json:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def executions(sandbox: Sandbox) -> Json:
    """What the state machines have done, and the training pipeline's steps."""
    states, sagemaker = sandbox.client("stepfunctions"), sandbox.client("sagemaker")
    machines = pages(states, "list_state_machines", "stateMachines")
    found = {
        execution["executionArn"]: execution["status"]
        for machine in machines
        for execution in pages(
            states,
            "list_executions",
            "executions",
            stateMachineArn=machine["stateMachineArn"],
            statusFilter="SUCCEEDED",
        )
    }
    for pipeline in pages(sagemaker, "list_pipelines", "PipelineSummaries"):
        for execution in pages(
            sagemaker, "list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=pipeline["PipelineName"]
        ):
            arn = execution["PipelineExecutionArn"]
            steps = pages(
                sagemaker, "list_pipeline_execution_steps", "PipelineExecutionSteps", PipelineExecutionArn=arn
            )
            found |= {f"{arn}/{step['StepName']}": step for step in steps if step["StepStatus"] == "Succeeded"}
    return found


READERS: dict[str, Callable[[Sandbox], Json]] = {
    "stacks": stacks,
    "objects": objects,
    "items": items,
    "events": events,
    "packages": packages,
    "executions": executions,
}


def read(sandbox: Sandbox) -> Seen:
    return {name: reader(sandbox) for name, reader in READERS.items()}


def settled(sandbox: Sandbox) -> Seen:
    """What a reader sees once two readings, a second apart, are the same."""
    last: list[Seen] = [{}]

    def same() -> Seen | None:
        previous, last[0] = last[0], read(sandbox)
        return last[0] if last[0] == previous else None

    seen: Seen = wait_for(same, 60, 1.0)
    return seen


def require_kept(before: Seen, after: Seen) -> None:
    """Every single thing that was seen is there, unchanged; more may have come since."""
    for name, things in before.items():
        lost = {key: (thing, after[name].get(key)) for key, thing in things.items() if after[name].get(key) != thing}
        assert not lost, f"{name}: {lost}"
