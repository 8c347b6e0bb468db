"""Sends SageMaker's events to the default EventBridge bus: in order, some twice, as AWS says they may come."""

import contextvars
import json
import logging
import math
import queue
import threading

from abtest.sandbox import settings
from abtest.sandbox.sagemaker import background
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.events")

SOURCE = "aws.sagemaker"

_waiting: queue.SimpleQueue[tuple[contextvars.Context, Json]] = queue.SimpleQueue()
_lock = threading.Lock()
_sent = 0


def send(detail_type: str, resource_arn: str, detail: Json) -> None:
    """Queues an event, so that no target runs inside an operation; `pump` delivers it."""
    entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": [resource_arn]}
    for _ in range(2 if _is_doubled() else 1):
        _waiting.put((contextvars.copy_context(), entry))


def _is_doubled() -> bool:
    """Says whether to send twice: True for the share `settings.duplicate_events` of calls, evenly spread."""
    global _sent  # noqa: PLW0603 - one count a process
    share = settings.current().duplicate_events
    with _lock:
        _sent += 1
        return math.floor(_sent * share + 0.5) > math.floor((_sent - 1) * share + 0.5)


def deliver_next(timeout_seconds: float | None = None) -> Json | None:
    """Puts the oldest queued event on the bus and returns it; None where none came within the time."""
    try:
        context, entry = _waiting.get(timeout=timeout_seconds) if timeout_seconds else _waiting.get_nowait()
    except queue.Empty:
        return None
    try:
        context.run(_put, entry)
    except Exception:
        logger.exception("an event could not be put on the bus: %s", entry)
    return entry


def _put(entry: Json) -> None:
    from ministack.services import eventbridge  # loaded with the first event, like MiniStack's other services

    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def milliseconds(seconds: float) -> int:
    """Returns a time as events give it, in milliseconds since the epoch."""
    return round(seconds * 1000)


def pump() -> None:
    """Delivers queued events until the sandbox stops and none is left; runs in a thread of its own."""
    while deliver_next(timeout_seconds=0.5) or not background.stopping.is_set():
        pass
