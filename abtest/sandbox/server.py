"""Runs the sandbox process: MiniStack's application, our patches, our SageMaker, one port."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import lambda_runtime

from abtest.sandbox import clients, patches, restart
from abtest.sandbox.patches import alarms, firehose
from abtest.sandbox.sagemaker import service
from abtest.sandbox.settings import HOST, STATUS_PATH, Settings
from abtest.sandbox.snapshots import Snapshots

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def run(settings: Settings, port: socket.socket) -> None:
    """Serves on the bound `port` until SIGTERM, SIGINT or SIGHUP, then writes all state and ends the process."""
    folder = settings.data_dir.resolve()
    clients.serving.clear()
    patches.apply(settings)
    restart.install(_announce)
    (folder / "sandbox.pid").write_text(f"{os.getpid()}\n")
    asyncio.new_event_loop().run_until_complete(_serve(settings, port))
    lambda_runtime.reset()
    (folder / "sandbox.pid").unlink(missing_ok=True)
    _say("stopped, all state is saved")
    os._exit(0)  # a worker thread in the middle of a long request must not hold up the end


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _announce(sentences: list[str]) -> None:
    for sentence in sentences:
        _say(f"after the restart: {sentence}")


async def _serve(settings: Settings, port: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{port.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.3
    config.loglevel = "WARNING"
    snapshots = Snapshots(settings.data_dir.resolve() / "state", settings.snapshot_seconds)
    writing = asyncio.create_task(_started(settings, snapshots))

    async def wind_down() -> None:
        """Ends background work and delivers what was accepted, while requests are still answered."""
        await stop.wait()
        writing.cancel()
        await asyncio.to_thread(snapshots.close)
        await asyncio.to_thread(service.stop)
        await asyncio.to_thread(firehose.deliver_all)

    await serve(_application(settings, stop), config, shutdown_trigger=wind_down)


async def _started(settings: Settings, snapshots: Snapshots) -> None:
    """Waits until the port answers, says so, and then writes snapshots."""
    while not await _listens(settings.port):
        await asyncio.sleep(0.02)
    clients.serving.set()
    firehose.start()
    alarms.start()
    _say(f"the sandbox serves AWS on {settings.url}, data in {settings.data_dir.resolve()}")
    await snapshots.run()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _application(settings: Settings, stop: asyncio.Event) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """Returns MiniStack's application with a path that says whose process this is: 503 once it is told to end."""
    status = {"pid": os.getpid(), "port": settings.port, "data_dir": str(settings.data_dir.resolve())}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != STATUS_PATH:
            await ministack.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        code = 503 if stop.is_set() else 200
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(status).encode()})

    return application
