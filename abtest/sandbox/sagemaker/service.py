"""Serves SageMaker to MiniStack: requests in, responses out, state saved, restored and reset."""

import asyncio
import copy
import logging
import threading

from ministack.core.responses import AccountRegionScopedDict

from abtest.sandbox.sagemaker import (
    background,
    captures,
    endpoint_configs,
    endpoints,
    events,
    inference,
    jobs,
    metrics,
    models,
    operations,
    pipelines,
    registry,
    serving,
    state,
    tags,
)

logger = logging.getLogger("sagemaker")

Response = tuple[int, dict[str, str], bytes]

# Importing a part registers its operations; a part may have a `recover`, called after a restart.
PARTS = (registry, models, endpoint_configs, endpoints, tags, jobs, pipelines)

JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}

_started = threading.Event()


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, _: object) -> Response:
    """Answers in a worker thread (in this account and region), so that the event loop stays free."""
    _start()
    return await asyncio.to_thread(_respond, method, path, headers, body)


def _start() -> None:
    """Starts, with the first request, the threads that write events and metrics, which need the sandbox's port."""
    if not _started.is_set():
        _started.set()
        background.spawn(events.pump)
        background.spawn(metrics.pump)
        background.spawn(captures.pump)


def _respond(method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    if method == "POST" and inference.PATH.match(path):
        return inference.respond(path, headers, body)
    name = headers.get("x-amz-target", "").rpartition(".")[2]
    status, answer = operations.answer(name, body)
    return status, dict(JSON_HEADERS), answer  # MiniStack adds the length to it


def get_state() -> dict[str, AccountRegionScopedDict]:
    """Returns a copy of all state, taken between two operations."""
    with state.lock:
        return copy.deepcopy(state.snapshot())


def load_persisted_state(data: dict[str, AccountRegionScopedDict] | None) -> None:
    with state.lock:
        state.restore(data or {})


def reset() -> None:
    with state.lock:
        jobs.stop_all()
        state.clear()
        inference.forget_draws()
        captures.forget()
        serving.keep_only(set())


def recover() -> list[str]:
    """Ends, once after a restore, what was running when the last process died; returns a sentence for each."""
    sentences: list[str] = []
    for part in PARTS:
        sentences += getattr(part, "recover", list)()
    return sentences


def stop() -> None:
    """Called in a worker thread on a graceful stop, while the port still answers and before the state is saved.

    Threads end, events and metrics are written; what is counted later is kept in the state.
    """
    for name in background.stop():
        logger.warning("%s did not end in time", name)
