"""`abtest rebalance`: counts the events and moves the traffic now, not when the schedule says."""

from typing import Annotated, Any

import typer

from abtest.adapters import executions
from abtest.cli.shown import summary
from abtest.cli.shown.output import EndpointOption, JsonOption, StageOption, UserError, print_json, print_line, refusals
from abtest.cli.shown.waiting import meanwhile
from abtest.cli.stage.stacks import outputs

WAIT_SECONDS = 3600.0  # as long as the machine may take

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the Decision; exit code 1 if the machine fails.")]


def rebalance(
    stage: StageOption = "dev",
    endpoint: EndpointOption = None,
    wait: WaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Count the events, decide and move the traffic now, without waiting for the schedule."""
    found = outputs(stage)
    machine_arn, endpoint_name = found["RebalanceStateMachineArn"], endpoint or found["EndpointName"]
    if endpoint:
        summary.latest(found, endpoint)  # a name that nobody knows is a mistake
    if not wait:
        started = executions.start(machine_arn, {"endpoint_name": endpoint_name})
        print_json({"execution_arn": started}) if as_json else print_line(started)
        return
    with meanwhile("rebalance runs"):
        result = run(machine_arn, endpoint_name)
    print_json(result) if as_json else print_line(sentence(result))


def run(machine_arn: str, endpoint_name: str) -> dict[str, Any]:
    """Runs one execution to its end. Returns its `decision`, or the `message` why there is none. Raises UserError."""
    execution_arn = executions.start(machine_arn, {"endpoint_name": endpoint_name})
    with refusals(TimeoutError):
        ended = executions.wait(execution_arn, seconds=WAIT_SECONDS)
    if ended.status != "SUCCEEDED":
        status = ended.status.lower().replace("_", " ")
        raise UserError(f"rebalance {status}: {ended.cause or 'no cause is given'}")
    if "decision" in ended.output:
        return {"execution_arn": execution_arn, "decision": ended.output["decision"]}
    return {"execution_arn": execution_arn, "decision": None, "message": ended.output["message"]}


def sentence(result: dict[str, Any]) -> str:
    """Says in one line what the execution decided, or why it decided nothing."""
    decision = result["decision"]
    if decision is None:
        return str(result["message"])
    shares = ", ".join(f"{name} {share:.1%}" for name, share in decision["new_shares"].items())
    return f"{decision['decision_id']}: {shares}. {decision['reason']}"
