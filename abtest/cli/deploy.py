"""`abtest deploy`: Lambda code, bootstrap and stacks, by the real `cdk deploy`."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated

import typer

from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line, say
from abtest.cli.shown.waiting import meanwhile
from abtest.cli.stage import cdk, lambda_asset, neighbours, stacks
from abtest.cli.stage.lambda_asset import Platform

PlatformOption = Annotated[
    Platform,
    typer.Option(envvar="ABTEST_LAMBDA_PLATFORM", help="Wheels for Lambda, or for this interpreter (the sandbox)."),
]


def deploy(
    stage: StageOption = "dev",
    lambda_platform: PlatformOption = Platform.MANYLINUX,
    as_json: JsonOption = False,
) -> None:
    """Create or update the stage's four stacks."""
    started = time.monotonic()
    deploy_stage(stage, lambda_platform)
    seconds = time.monotonic() - started
    if as_json:
        print_json({"stage": stage, "seconds": round(seconds, 1), "outputs": stacks.outputs(stage)})
        return
    print_line(f"stage {stage} is deployed ({seconds:.0f} s): abtest outputs --stage {stage} shows where")


def deploy_stage(stage: str, lambda_platform: str) -> None:
    """Deploys a stage. Raises UserError with the configuration's mistake, or with the resource that failed."""
    config = stacks.load_config(stage)
    for warning in config.warnings:
        say(f"warning: {warning}")
    neighbours.refuse_nested(config.project_name)
    bootstrap = cdk.needs_bootstrap()
    with cdk.alone(), ThreadPoolExecutor(1) as beside:
        bootstrapped = beside.submit(_bootstrap) if bootstrap else None
        say(f"building the Lambda code for {lambda_platform}")
        with meanwhile("building"):
            lambda_asset.build(Platform(lambda_platform))
        say("synthesising the templates")
        with meanwhile("synthesising"):
            cdk.synthesise(stage)
        if bootstrapped:
            bootstrapped.result()
        _deploy(stage)


def _bootstrap() -> None:
    say("bootstrapping the account and region for the CDK, once")
    cdk.bootstrap()


def _deploy(stage: str) -> None:
    started_at = datetime.now(UTC)
    say(f"deploying {', '.join(stacks.stack_names(stage))}")
    try:
        with meanwhile("deploying"):
            cdk.deploy(stage, _tell)
    except UserError as error:
        raise UserError(failed_resource(stage, started_at) or str(error)) from None


def _tell(line: str) -> None:
    """Shows, of the CDK's many lines, one for each stack."""
    if line.startswith("✅"):
        say(f"  {line.removeprefix('✅').strip()}")


def failed_resource(stage: str, since: datetime) -> str | None:
    """Returns the first of the stage's resources that failed after `since` (UTC), and why; None if none did."""
    for stack in stacks.stack_names(stage):
        if stacks.described(stack) is None:
            continue
        pages = stacks.client().get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"] if event["Timestamp"] >= since]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED") and not _follows(event)]
        if failed:
            first = min(failed, key=lambda event: event["Timestamp"])
            kind, name = first["ResourceType"], first["LogicalResourceId"]
            return f"stack {stack}: {name} ({kind}) failed: {first.get('ResourceStatusReason', 'no reason given')}"
    return None


def _follows(event: dict[str, str]) -> bool:
    """Says whether the resource was only given up because another one had failed."""
    return "cancelled" in event.get("ResourceStatusReason", "").lower()
