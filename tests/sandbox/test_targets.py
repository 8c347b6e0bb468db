"""Events and schedules start state machines; what cannot be delivered goes to the dead-letter queue."""

import json
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE, create_function, create_machine

pytestmark = pytest.mark.slow

ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
MISSING = "arn:aws:states:us-east-1:000000000000:stateMachine:no-such-machine"


def outputs(sandbox: Sandbox, machine: str) -> list[Any]:
    """Of the machine's executions that succeeded, the newest first."""
    states = sandbox.client("stepfunctions")
    done = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
    return [json.loads(states.describe_execution(executionArn=e["executionArn"])["output"]) for e in done]


def queue(sandbox: Sandbox, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    url = sandbox.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"


def rule(sandbox: Sandbox, name: str, target: dict[str, Any]) -> None:
    events = sandbox.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "RoleArn": ROLE, **target}])


def put(sandbox: Sandbox, source: str, detail: dict[str, Any]) -> None:
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
    assert sandbox.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_an_event_starts_a_state_machine(sandbox: Sandbox) -> None:
    machine = create_machine(sandbox, "target-echo", ECHO)
    rule(sandbox, "target.echo", {"Arn": machine})
    put(sandbox, "target.echo", {"n": 1})
    (output,) = wait_for(lambda: outputs(sandbox, machine))
    assert (output["source"], output["detail"]) == ("target.echo", {"n": 1})


def test_an_event_that_cannot_be_delivered_goes_to_the_dead_letter_queue(sandbox: Sandbox) -> None:
    url, arn = queue(sandbox, "target-lost")
    rule(sandbox, "target.lost", {"Arn": MISSING, "DeadLetterConfig": {"Arn": arn}})
    put(sandbox, "target.lost", {"n": 2})

    def received() -> Any:
        return sandbox.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    (message,) = wait_for(received)
    assert json.loads(message["Body"])["detail"] == {"n": 2}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "StateMachineDoesNotExist"
    assert attributes["TARGET_ARN"] == MISSING


def test_a_schedule_starts_a_state_machine(sandbox: Sandbox) -> None:
    machine = create_machine(sandbox, "target-scheduled", ECHO)
    sandbox.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression="at(2020-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": ROLE, "Input": '{"from": "schedule"}'},
    )
    assert wait_for(lambda: outputs(sandbox, machine)) == [{"from": "schedule"}]


def test_a_function_that_fails_on_an_event_is_called_again_and_then_the_event_is_kept_with_the_reason(
    sandbox: Sandbox,
) -> None:
    url, arn = queue(sandbox, "target-failed")
    function = create_function(sandbox, "target-fails", "def handler(event, _):\n    raise ValueError('no such tag')\n")
    destination = {"OnFailure": {"Destination": arn}}
    sandbox.client("lambda").put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, DestinationConfig=destination
    )
    rule(sandbox, "target.fails", {"Arn": function})
    put(sandbox, "target.fails", {"n": 3})
    (message,) = wait_for(lambda: sandbox.client("sqs").receive_message(QueueUrl=url).get("Messages"))
    kept = json.loads(message["Body"])
    assert kept["requestPayload"]["detail"] == {"n": 3}
    assert kept["responsePayload"]["errorMessage"] == "no such tag"
