"""The local SageMaker as MiniStack sees it: one handler for the control plane and the runtime, and its state."""

import asyncio

from abtest.sandbox.sagemaker import operations, state

Headers = dict[str, str]


async def handle_request(
    method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]
) -> tuple[int, Headers, bytes]:
    """Runs on the event loop, so the operation goes to a worker thread (account and region go with it)."""
    name = headers.get("x-amz-target", "").removeprefix("SageMaker.")
    status, answer = await asyncio.to_thread(operations.answer, name, body)
    return status, {"Content-Type": "application/x-amz-json-1.1"}, answer


get_state = state.snapshot
load_persisted_state = state.restore
reset = state.clear


def recover() -> list[str]:
    """Sentences about what was running when the sandbox was killed."""
    return []
