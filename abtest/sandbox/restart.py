"""A restarted sandbox fails the work that its predecessor left undone, and says so."""

import time
from collections.abc import Callable, Iterator

from ministack import app
from ministack.services import cloudformation, eventbridge, scheduler, stepfunctions

from abtest.sandbox.sagemaker import service

CAUSE = "The sandbox stopped while the execution was running"

# A stack caught in the middle could never be changed again; these states can.
STACK_STATES = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}


def restore() -> list[str]:
    """Loads all saved state; returns a sentence for each piece of work that had been running and now is Failed."""
    app._load_persisted_state_of_ministack()
    schedules()
    return [*executions(), *stacks(), *service.recover()]


def executions() -> Iterator[str]:
    """Gives executions our reason: MiniStack marks them FAILED while it loads them."""
    for execution in stepfunctions._executions._data.values():
        if execution.get("error") == "States.ServiceRestart" and execution.get("cause") != CAUSE:
            execution["cause"] = CAUSE
            details = {"executionFailedEventDetails": {"error": execution["error"], "cause": CAUSE}}
            stepfunctions._add_event(execution, "ExecutionFailed", details)
            yield f"execution {execution['name']} of {execution['stateMachineArn'].rpartition(':')[2]} is FAILED"


def stacks() -> Iterator[str]:
    for stack in cloudformation._stacks._data.values():
        if stack.get("StackStatus") in STACK_STATES:
            stack["StackStatus"] = STACK_STATES[stack["StackStatus"]]
            stack["StackStatusReason"] = CAUSE.replace("execution was running", "stack was changing")
            yield f"stack {stack['StackName']} is {stack['StackStatus']}"


def schedules() -> None:
    """Keeps schedules from firing all at once: MiniStack forgets when they fired last."""
    now = time.time()
    for key, schedule in scheduler._schedules._data.items():
        at = scheduler._at_time_epoch(schedule.get("ScheduleExpression", ""))
        if at is None or at <= now:
            scheduler._schedule_last_fired[key] = now
    eventbridge._rule_last_fired.update(dict.fromkeys(eventbridge._rules._data, now))


def install(announce: Callable[[list[str]], None]) -> None:
    """Makes MiniStack's start call `restore` and hand its sentences to `announce`."""
    app._load_persisted_state_of_ministack = app._load_persisted_state
    app._load_persisted_state = lambda: announce(restore())
