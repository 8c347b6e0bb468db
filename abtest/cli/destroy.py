"""`abtest destroy`: all that a stage made, unless the stage is protected."""

from datetime import UTC, datetime
from typing import Any

import typer
from botocore.exceptions import WaiterError

from abtest.adapters import adopted_endpoints as adopted
from abtest.adapters.table import Table
from abtest.cli.deploy import failed_resource
from abtest.cli.shown.output import JsonOption, StageOption, UserError, YesOption, counted, print_json, print_line, say
from abtest.cli.shown.waiting import meanwhile
from abtest.cli.stage import leftovers, stacks
from abtest.experiment.record.config import ExperimentConfig

KEPT = "the CDK's bootstrap stack, the records of SageMaker's jobs, and their logs and the endpoint's"


def destroy(stage: StageOption = "dev", yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Delete the stage's endpoint, models, pipeline, data and stacks, and say what is kept."""
    config = stacks.load_config(stage)
    found = {part: stacks.described(f"{config.prefix}-{part}") for part in stacks.PARTS}
    there = {part: stack for part, stack in found.items() if stack}
    refuse_if_protected(stage, there)
    if not yes:
        typer.confirm(f"Delete the endpoint, models, events and stacks of {config.prefix}?", abort=True, err=True)
    adopted = adopted_endpoints(stacks.outputs_of(there.get("data", {})))
    gone: list[str] = []
    kept: list[str] = []
    # The callers go first: after them nothing starts the machines or fills the bucket.
    for part in reversed(stacks.PARTS):
        if part in there:
            owned = stacks.owned(there[part]["StackName"])
            with meanwhile(f"deleting the stack {there[part]['StackName']} and what it holds"):
                gone += _empty(part, config, there[part], owned)
                _delete(there[part]["StackName"], stage)
            gone.append(there[part]["StackName"])
            kept += [name for name, keep in owned.items() if keep]
    if as_json:
        print_json({"stage": stage, "deleted": gone, "kept": kept, "kept_endpoints": adopted})
        return
    if adopted:
        print_line(f"kept, because they are yours: the adopted endpoints {', '.join(adopted)}")
    if kept:
        print_line(f"kept, as data: {', '.join(kept)}")
    print_line(f"kept: {KEPT}")


def adopted_endpoints(outputs: dict[str, str]) -> list[str]:
    """Returns the names of the adopted endpoints. `outputs` are the data stack's; empty if it was not made."""
    return adopted.live(Table(outputs["ExperimentsTableName"])) if "ExperimentsTableName" in outputs else []


def refuse_if_protected(stage: str, there: dict[str, dict[str, Any]]) -> None:
    """Raises UserError if there is nothing to delete, or one of the stacks may not be deleted."""
    if not there:
        raise UserError(f"stage {stage} is not deployed: there is nothing to destroy")
    protected = [stack["StackName"] for stack in there.values() if stack.get("EnableTerminationProtection")]
    if protected:
        raise UserError(
            f"stage {stage} is protected: turn off the termination protection of {', '.join(protected)} first"
        )


def _empty(part: str, config: ExperimentConfig, stack: dict[str, Any], owned: dict[str, bool]) -> list[str]:
    """Removes what would keep CloudFormation from deleting the stack, or would outlive it. Says and returns what went.

    `owned` says of each of the stack's resources whether it is kept: what is kept, or another's, is not emptied.
    """
    outputs = stacks.outputs_of(stack)
    gone: list[str] = []
    if part == "training":
        gone += leftovers.remove_endpoint(config)
        gone += leftovers.remove_pipeline(f"{config.prefix}-pipeline")
        groups = [f"{config.project_name}-{role}" for role in ("champion", "challenger")]
        gone += [arn for group in groups if _goes(group, owned) for arn in leftovers.remove_packages(group)]
    if part == "data" and _goes(outputs.get("BucketName", ""), owned):
        count = leftovers.empty_bucket(outputs["BucketName"])
        gone += [f"{counted(count, 'object')} in {outputs['BucketName']}"] if count else []
    for name in gone:
        say(f"deleted {name}")
    return gone


def _goes(name: str, owned: dict[str, bool]) -> bool:
    """Says whether the resource is deleted with its stack; a group may be named by its ARN."""
    return any(not keep and (made == name or made.endswith(f"/{name}")) for made, keep in owned.items())


def _delete(name: str, stage: str) -> None:
    started_at = datetime.now(UTC)
    client = stacks.client()
    client.delete_stack(StackName=name)
    try:
        waiter = client.get_waiter("stack_delete_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1800})
    except WaiterError as error:
        raise UserError(failed_resource(stage, started_at) or f"the stack {name} is not deleted: {error}") from None
    say(f"deleted the stack {name}")
