"""rebalance_all starts one execution of rebalance for each endpoint of the stage that has an experiment.

Started by the schedule; the input is not read. The executions are not waited for: what fails on one endpoint touches no
other. A start itself fails only for reasons that concern all of them, and then this execution fails.
"""

from workflows.fields import Graph, Map, Succeed, Task
from workflows.tasks import CALL_SECONDS, catch, failure, function, retry

TIMEOUT_SECONDS = 600
STARTS_AT_ONCE = 5


def rebalance_all() -> Graph:
    """Builds the whole machine."""
    failed = failure("Failed")
    listed = function("ListEndpoints", payload={}, result=["endpoints"], slot="$.listed", on_error=failed)
    start = Map(
        "StartRebalances",
        _start(),
        items_path="$.listed.endpoints",
        max_concurrency=STARTS_AT_ONCE,
        result_path="$.started",
        catch=catch(failed),
    )
    listed.next(start)
    start.next(Succeed("Done"))
    return Graph(listed, comment="One rebalance for each endpoint", timeout_seconds=TIMEOUT_SECONDS)


def _start() -> Task:
    return Task(
        "StartRebalance",
        resource="arn:aws:states:::aws-sdk:sfn:startExecution",
        parameters={"StateMachineArn": "${RebalanceStateMachineArn}", "Input.$": "States.JsonToString($)"},
        result_path="$.execution",
        timeout_seconds=CALL_SECONDS,
        retry=retry(),
        catch=catch(failure("NotStarted", slot="$.refusal"), slot="$.refusal"),
    )
