"""The sandbox process: MiniStack's application, our patches, our SageMaker, one port."""

import asyncio
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from abtest.sandbox import patches
from abtest.sandbox.settings import HOST, Settings


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then writes all state and ends."""
    patches.apply(settings)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"{HOST}:{settings.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.3
    config.loglevel = "WARNING"
    await serve(ministack.app, config, shutdown_trigger=stop.wait)
