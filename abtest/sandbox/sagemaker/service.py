"""The SageMaker service as MiniStack sees it: requests in, responses out, state saved, restored and reset."""

import asyncio
import copy
import importlib
import importlib.util
import logging
import re

from ministack.core.responses import AccountRegionScopedDict

from abtest.sandbox.sagemaker import background, operations, state

logger = logging.getLogger("sagemaker")

Response = tuple[int, dict[str, str], bytes]

OPERATION_MODULES = tuple(
    name
    for name in (
        "abtest.sandbox.sagemaker.registry",
        "abtest.sandbox.sagemaker.models",
        "abtest.sandbox.sagemaker.endpoint_configs",
        "abtest.sandbox.sagemaker.endpoints",
        "abtest.sandbox.sagemaker.tags",
        "abtest.sandbox.sagemaker.jobs",
        "abtest.sandbox.sagemaker.pipelines",
    )
    if importlib.util.find_spec(name)
)
_modules = [importlib.import_module(name) for name in OPERATION_MODULES]

JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}
INVOCATION_PATH = re.compile(r"^/endpoints/([^/]+)/invocations$")


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
) -> Response:
    """Answers in a worker thread (in this account and region), so that the event loop stays free."""
    return await asyncio.to_thread(_respond, path, headers, body)


def _respond(path: str, headers: dict[str, str], body: bytes) -> Response:
    name = headers.get("x-amz-target", "").rpartition(".")[2]
    status, answer = operations.answer(name, body)
    return status, JSON_HEADERS, answer


def get_state() -> dict[str, AccountRegionScopedDict]:
    """A copy of everything, taken between two operations."""
    with state.lock:
        return copy.deepcopy(state.snapshot())


def load_persisted_state(data: dict[str, AccountRegionScopedDict] | None) -> None:
    with state.lock:
        state.restore(data or {})


def reset() -> None:
    with state.lock:
        state.clear()


def recover() -> list[str]:
    """Called once after a restore: ends what was running when the last process died; one sentence for each."""
    sentences: list[str] = []
    for module in _modules:
        sentences += getattr(module, "recover", list)()
    return sentences


def stop() -> None:
    """Called on a graceful stop, before the state is saved: threads end, metrics are written."""
    for name in background.stop():
        logger.warning("%s did not end in time", name)
