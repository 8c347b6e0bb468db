"""Shapes what the machines are made of: Lambda tasks, SageMaker calls, events, the poll of an endpoint, failure."""

from collections.abc import Sequence
from typing import Any

from workflows.fields import Catch, Choice, Fail, Pass, Retry, Rule, State, Task, Wait

POLL_SECONDS = 10  # between two looks at an endpoint or a lease; an update takes about a minute on AWS
CALL_SECONDS = 60  # for one call of a function or of the SageMaker API
IN_FLUX = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
ENDPOINT = {"EndpointName": "${EndpointName}"}  # the stage's own
ENDPOINT_ASKED = {"EndpointName.$": "$.endpoint_name"}  # whichever the execution is about


def retry(*, attempts: int = 3) -> Retry:
    """Retries any failure, as it may be a throttled call or a lost function: unmodelled errors all bear one name."""
    return Retry(
        error_equals=["States.TaskFailed", "States.Timeout"],
        interval_seconds=2,
        max_attempts=attempts,
        backoff_rate=2.0,
    )


def catch(next_state: State, *, slot: str = "$.error") -> Catch:
    """Sends any error to `next_state`, with Error and Cause in `slot`."""
    return Catch(error_equals=["States.ALL"], result_path=slot, next_step=next_state)


def function(
    state: str,
    *,
    payload: dict[str, Any],
    result: Sequence[str],
    slot: str,
    on_error: State | None,
    name: str | None = None,
    timeout_seconds: int = CALL_SECONDS,
) -> Task:
    """Makes a state that calls the handler `name` (default: its own name) and keeps the members `result` in `slot`."""
    return Task(
        state,
        resource="arn:aws:states:::lambda:invoke",
        parameters={"FunctionName": f"${{{name or state}FunctionArn}}", "Payload": payload},
        result_selector={f"{member}.$": f"$.Payload.{member}" for member in result},
        result_path=slot,
        timeout_seconds=timeout_seconds,
        retry=retry(),
        catch=catch(on_error) if on_error else None,
    )


def sagemaker(
    state: str,
    action: str,
    parameters: dict[str, Any],
    *,
    slot: str,
    on_error: Catch,
    attempts: int = 3,
) -> Task:
    """Returns a state that calls one SageMaker operation and keeps its whole response in `slot`."""
    return Task(
        state,
        resource=f"arn:aws:states:::aws-sdk:sagemaker:{action}",
        parameters=parameters,
        result_path=slot,
        timeout_seconds=CALL_SECONDS,
        retry=retry(attempts=attempts),
        catch=on_error,
    )


def event(state: str, *, kind: str, detail: str, slot: str, on_error: Catch) -> Task:
    """Returns a state that puts an event of the detail type `kind` on the default bus; fails if the bus refuses it."""
    entry = {"Source": "abtest", "DetailType": kind, "Detail.$": detail}
    return Task(
        state,
        resource="arn:aws:states:::events:putEvents",
        parameters={"Entries": [entry]},
        result_path=slot,
        timeout_seconds=CALL_SECONDS,
        retry=retry(),
        catch=on_error,
    )


def describe_endpoint(state: str, *, on_error: Catch, attempts: int = 3, endpoint: dict[str, str] = ENDPOINT) -> Task:
    """Looks at the endpoint; its description is in `$.endpoint` afterwards."""
    return sagemaker(state, "describeEndpoint", dict(endpoint), slot="$.endpoint", on_error=on_error, attempts=attempts)


def wait(state: str) -> Wait:
    """Waits literal seconds: the sandbox scales them down."""
    return Wait(state, seconds=POLL_SECONDS)


def endpoint_is(*statuses: str) -> Rule:
    """Says whether the endpoint was last seen in one of `statuses`."""
    rules = [Rule.StringEquals("$.endpoint.EndpointStatus", status) for status in statuses]
    return rules[0] if len(rules) == 1 else Rule.Or(rules)


def choice(state: str, rules: Sequence[tuple[Rule, State]], *, default: State) -> Choice:
    """Chooses the next state: the one that the first rule that holds names; `default` if none does."""
    made = Choice(state)
    for rule, next_state in rules:
        made.add_choice(rule, next_state)
    made.default_choice(default)
    return made


def failure(state: str, *, slot: str = "$.error") -> Fail:
    """Ends the execution FAILED with the error and cause that a Catch kept in `slot`."""
    return Fail(state, error_path=f"{slot}.Error", cause_path=f"{slot}.Cause")


def endpoint_failed(give_up: State) -> Choice:
    """Leads to `give_up` with SageMaker's FailureReason, if there is one, as the cause in `$.error`."""
    silent = {"Cause": "The endpoint neither changes nor serves what it should, and gives no reason."}
    states = [
        Pass(name, parameters={"Error": "EndpointFailed", **cause}, result_path="$.error")
        for name, cause in (("EndpointFailed", {"Cause.$": "$.endpoint.FailureReason"}), ("NoReason", silent))
    ]
    for state in states:
        state.next(give_up)
    return choice("WhyFailed", [(Rule.IsPresent("$.endpoint.FailureReason", True), states[0])], default=states[1])
