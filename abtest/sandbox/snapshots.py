"""Writes all state to disk at most a few seconds late, so that a SIGKILL costs no more than those seconds.

MiniStack writes its state only at a graceful end, after copying all of it. Here each service's live state is
turned into JSON in one go on the event loop, where its requests are handled (so that none is caught half done);
what did not change since is not written. Each file is replaced atomically.
"""

import asyncio
import hashlib
import json
import logging
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence

logger = logging.getLogger("abtest.snapshots")

# Ours has a lock of its own; Lambda's get_state hashes and writes the functions' code, megabytes of it.
OFF_LOOP = ("sagemaker", "lambda")
LAMBDA_STORES = ("_functions", "_layers", "_esms", "_function_urls", "_dynamodb_stream_positions")
LONGEST_PAUSE = 4.0  # seconds; with the time that writing takes, the promised 5
SHARE_OF_LOOP = 0.05  # of the event loop's time that snapshots may take

GetState = Callable[[], Any]


class _NoCopy:
    """Stands for the `copy` module in a service's get_state, which then returns the live state."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return value


def live(get_state: GetState) -> GetState:
    """Calls `get_state` without its copying: use what it returns before the event loop runs on."""
    if not isinstance(get_state, types.FunctionType) or get_state.__closure__:
        return get_state
    return types.FunctionType(get_state.__code__, {**get_state.__globals__, "copy": _NoCopy})


def rendered(service: str, get_state: GetState) -> bytes | None:
    """Returns the text of the service's state file, as MiniStack reads it; None if the service has no state.

    Worker threads may add to a dictionary while it is read: the interpreter says so, and we read again.
    """
    for attempt in range(5):
        try:
            data = get_state()
            document = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
            return None if data is None else json.dumps(document, default=persistence._json_default).encode()
        except RuntimeError:
            if attempt == 4:
                raise
            time.sleep(0.002)
    return None


class Snapshots:
    """Writes what changed into `folder` every `seconds`, until cancelled."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self._digests: dict[str, bytes] = {}
        self._lambda_print = b""
        self._failures: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    async def run(self) -> None:
        while True:
            busy = await self.save()
            await asyncio.sleep(min(LONGEST_PAUSE, max(self.seconds, busy / SHARE_OF_LOOP)))

    def close(self) -> None:
        """Waits for what is being written: nothing older replaces the state that is saved at the end."""
        self._thread.shutdown(wait=True)

    async def save(self) -> float:
        """Writes a snapshot of every service in use.

        Returns the longest time in seconds that the event loop was held.
        """
        longest = 0.0
        for service, get_state in app._build_persistence_save_dict().items():
            if service in OFF_LOOP:
                await self._in_thread(self._save_copied, service, get_state)
                continue
            began = time.perf_counter()
            text = self._attempt(service, live(get_state))
            longest = max(longest, time.perf_counter() - began)
            await self._in_thread(self._write, service, text)
        return longest

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    def _save_copied(self, service: str, get_state: GetState) -> None:
        if service == "lambda":
            seen = _fingerprint(get_state)
            if seen == self._lambda_print:
                return
        self._write(service, self._attempt(service, get_state))
        if service == "lambda" and service not in self._failures:
            self._lambda_print = seen

    def _attempt(self, service: str, get_state: GetState) -> bytes | None:
        """Renders a service's state; None, with one line in the log, if it cannot be written."""
        try:
            return rendered(service, get_state)
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            self._complain(service, error)
            return None

    def _complain(self, service: str, error: Exception) -> None:
        """Complains once for each service, until a snapshot of it succeeds."""
        if service not in self._failures:
            logger.error("no snapshot of %s: %s", service, error)
        self._failures.add(service)

    def _write(self, service: str, text: bytes | None) -> None:
        path = self.folder / f"{service}.json"
        digest = hashlib.blake2b(text or b"").digest()
        if text is None or (self._digests.get(service) == digest and path.exists()):
            return
        draft = path.with_suffix(".draft")
        try:
            draft.write_bytes(text)
            draft.replace(path)
        except OSError as error:  # a full disk: the last whole snapshot stays, and the next one is tried
            draft.unlink(missing_ok=True)
            self._complain(service, error)
            return
        self._digests[service] = digest
        self._failures.discard(service)


def _fingerprint(get_state: Any) -> bytes:
    """Returns what tells Lambda's stores from others, with each function's code by identity in place of its bytes."""
    stores = [get_state.__globals__[name] for name in LAMBDA_STORES]

    def default(value: Any) -> Any:
        return [id(value), len(value)] if isinstance(value, bytes) else persistence._json_default(value)

    return hashlib.blake2b(json.dumps(stores, default=default).encode()).digest()
