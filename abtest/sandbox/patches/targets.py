"""EventBridge and Scheduler: state machine targets with retries and a dead-letter queue; sweeps each second.

MiniStack starts the execution once, on the event loop, and drops an event that cannot be delivered. A function's event
is queued, as on AWS: it is tried again after a failure, and then goes to the destination; MiniStack calls it once.
"""

import contextvars
import json
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, lambda_svc, scheduler

from abtest.sandbox import clients, settings

Json = dict[str, Any]

SWEEP_SECONDS = 1
RETRIES = 185  # of EventBridge and Scheduler, if the target does not say
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
RETRYABLE = ("ThrottlingException", "InternalServerError", "ServiceUnavailable")

_target: contextvars.ContextVar[Json] = contextvars.ContextVar("target")
_rule: contextvars.ContextVar[Json] = contextvars.ContextVar("rule")


def install() -> None:
    assert eventbridge._SCHEDULER_TICK_INTERVAL == scheduler._SCHEDULE_TICK_INTERVAL == 10
    eventbridge._SCHEDULER_TICK_INTERVAL = scheduler._SCHEDULE_TICK_INTERVAL = SWEEP_SECONDS
    invoke = eventbridge._invoke_target

    def invoke_target(target: Json, event: Json, rule: Json, view: Any = None) -> None:
        tokens = _target.set(target), _rule.set(rule)
        try:
            invoke(target, event, rule, view)
        finally:
            _target.reset(tokens[0])
            _rule.reset(tokens[1])

    assert callable(eventbridge._dispatch_to_stepfunctions)
    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_stepfunctions = deliver
    assert callable(eventbridge._dispatch_to_lambda) and callable(lambda_svc.invoke_async_with_retry)
    eventbridge._dispatch_to_lambda = invoke_function


def invoke_function(arn: str, payload: str) -> None:
    """Queues the event for the function `arn`, if there is one."""
    function, _, name = lambda_svc._get_func_record_for_ref(arn)
    if function is None:
        eventbridge.logger.warning("target %s failed: there is no such function", name)
        return
    lambda_svc.invoke_async_with_retry(function, json.loads(payload))


def deliver(arn: str, payload: str) -> None:
    """Starts an execution of the state machine `arn` from a thread, as the target's RetryPolicy says."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_attempts, arn, payload), name="target", daemon=True).start()


def _attempts(arn: str, payload: str) -> None:
    target = _target.get()
    retries = (target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", RETRIES)
    for attempt in range(retries + 1):
        try:
            client = clients.client("stepfunctions", get_region(), role=target.get("RoleArn") or "")
            client.start_execution(stateMachineArn=arn, input=payload)
            return
        except ClientError as error:
            code, reason = error.response["Error"]["Code"], str(error)
            if code not in RETRYABLE:
                break
        except BotoCoreError as error:
            code, reason = "SDK_CLIENT_ERROR", str(error)
        if attempt < retries:
            time.sleep(min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS))
    eventbridge.logger.warning("target %s failed: %s", arn, reason)
    _bury(target, payload, code, reason)


def _bury(target: Json, payload: str, code: str, reason: str) -> None:
    """Sends the event to the target's dead-letter queue, if it has one, with the attributes that AWS sends."""
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    texts = {
        "RULE_ARN": _rule.get().get("Arn", ""),
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": code,
        "ERROR_MESSAGE": reason[:1000],
    }
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
    url = f"{settings.current().url}/{get_account_id()}/{queue.rpartition(':')[2]}"
    try:
        sqs = clients.client("sqs", get_region())
        sqs.send_message(QueueUrl=url, MessageBody=payload, MessageAttributes=attributes)
    except (ClientError, BotoCoreError) as error:
        eventbridge.logger.error("dead-letter queue %s: %s", queue, error)
