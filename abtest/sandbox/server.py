"""The sandbox process: MiniStack's application, our patches, our SageMaker, one port."""

import asyncio
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import lambda_runtime

from abtest.sandbox import clients, patches, restart
from abtest.sandbox.patches import firehose
from abtest.sandbox.sagemaker import service
from abtest.sandbox.settings import HOST, STATUS_PATH, Settings
from abtest.sandbox.snapshots import Snapshots

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then writes all state and ends the process.

    A busy port or data folder ends it with one line and exit code 1.
    """
    folder = settings.data_dir.resolve()
    lock = _locked(folder)
    port = _bound(settings.port)
    clients.serving.clear()
    patches.apply(settings)
    restart.install(_announce)
    (folder / "sandbox.pid").write_text(f"{os.getpid()}\n")
    asyncio.new_event_loop().run_until_complete(_serve(settings, port))
    lambda_runtime.reset()
    (folder / "sandbox.pid").unlink(missing_ok=True)
    lock.close()
    print("stopped, all state is saved", flush=True)
    os._exit(0)  # a worker thread in the middle of a long request must not hold up the end


def _announce(sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"after the restart: {sentence}", flush=True)


def _locked(folder: Path) -> Any:
    """The open lock file of the data folder; the kernel frees it however the process ends."""
    lock = (folder / "sandbox.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"{folder} is in use by another sandbox: choose another --data-dir, or stop that one")
    return lock


def _bound(port: int) -> socket.socket:
    """A socket on the port, not yet listening: nobody connects before everything is restored."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        sys.exit(f"port {port} is in use: choose another --port, or stop what listens there")
    return bound


async def _serve(settings: Settings, port: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{port.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.3
    config.loglevel = "WARNING"
    snapshots = asyncio.create_task(_started(settings))

    async def wind_down() -> None:
        """While requests are still answered: background work ends, what was accepted is delivered."""
        await stop.wait()
        snapshots.cancel()
        await asyncio.to_thread(service.stop)
        await asyncio.to_thread(firehose.deliver_all)

    await serve(_application(settings), config, shutdown_trigger=wind_down)


async def _started(settings: Settings) -> None:
    """Waits until the port answers, says so, and then writes snapshots."""
    while not await _listens(settings.port):
        await asyncio.sleep(0.02)
    clients.serving.set()
    firehose.start()
    print(f"the sandbox serves AWS on {settings.url}, data in {settings.data_dir.resolve()}", flush=True)
    await Snapshots(settings.data_dir.resolve() / "state", settings.snapshot_seconds).run()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _application(settings: Settings) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """MiniStack's application, and one path of ours that says whose process this is."""
    status = {"pid": os.getpid(), "port": settings.port, "data_dir": str(settings.data_dir.resolve())}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != STATUS_PATH:
            await ministack.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(status).encode()})

    return application
