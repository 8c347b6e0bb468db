"""Step Functions honours TimeoutSeconds, starts an execution once, and stops one that is told to."""

import contextvars
import json
import threading
from typing import Any

from ministack.services import stepfunctions

Json = dict[str, Any]


def install() -> None:
    idempotent_start()
    machine_timeout()
    final_status()


def idempotent_start() -> None:
    """Starts once.

    AWS: the same name and input while it runs is the same execution. MiniStack: ExecutionAlreadyExists.
    """
    start = stepfunctions._start_execution

    def start_execution(data: Json) -> Any:
        machine = stepfunctions._state_machines.get(data.get("stateMachineArn"))
        if machine and data.get("name"):
            scope = f"{stepfunctions.get_region()}:{stepfunctions.get_account_id()}"
            running = stepfunctions._executions.get(
                f"arn:aws:states:{scope}:execution:{machine['name']}:{data['name']}"
            )
            if running and running["status"] == "RUNNING" and running["input"] == data.get("input", "{}"):
                answer = {"executionArn": running["executionArn"], "startDate": running["startDate"]}
                return stepfunctions.json_response(answer)
        return start(data)

    stepfunctions._start_execution = start_execution


def machine_timeout() -> None:
    """Ends long executions. AWS: one longer than the definition's TimeoutSeconds is TIMED_OUT. MiniStack: never."""
    run = stepfunctions._run_execution

    def run_execution(arn: str) -> None:
        timer = _timer(arn)
        try:
            run(arn)
        finally:
            if timer is not None:
                timer.cancel()

    stepfunctions._run_execution = run_execution


def _timer(arn: str) -> threading.Timer | None:
    execution = stepfunctions._executions[arn]
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
    try:
        seconds = json.loads(machine.get("definition", "{}")).get("TimeoutSeconds")
    except ValueError:
        return None
    if not seconds:
        return None
    timer = threading.Timer(seconds, contextvars.copy_context().run, (_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: Json) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=stepfunctions.now_iso())
    details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
    stepfunctions._add_event(execution, "ExecutionTimedOut", details)
    stepfunctions._emit_execution_status_event(execution)


def final_status() -> None:
    """AWS: a stopped or timed out execution enters no state any more and stays what it is.

    MiniStack: branches and iterations go on, and an error of the interrupted state makes it FAILED.
    """
    task, fail = stepfunctions._execute_task, stepfunctions._fail_execution

    def execute_task(state: Json, data: Any, execution: Json, context: Json) -> Any:
        if execution["status"] != "RUNNING":
            raise stepfunctions._ExecutionError("States.Runtime", f"the execution is {execution['status']}")
        return task(state, data, execution, context)

    def fail_execution(execution: Json, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._execute_task, stepfunctions._fail_execution = execute_task, fail_execution
