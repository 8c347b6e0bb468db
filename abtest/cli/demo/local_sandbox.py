"""The demo's own sandbox: an empty one, that ends with the demo."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abtest.cli.demo.stopwatch import Stopwatch
from abtest.cli.errors import UserError
from abtest.cli.output import say
from abtest.sandbox import lifecycle


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def local_sandbox(data_dir: Path, port: int, watch: Stopwatch) -> Iterator[lifecycle.Running]:
    """A sandbox with an empty data folder, named by this process's environment; stopped at the end of the block.

    SIGTERM ends the block as an interrupt does, so that nothing is left running.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with watch.phase("sandbox", "starting the sandbox"):
        shutil.rmtree(data_dir, ignore_errors=True)
        running = _start(data_dir, port or free_port())
        say(f"the sandbox serves AWS on {running.url}")
    os.environ.update(lifecycle.environment(running.port))
    os.environ.pop("AWS_PROFILE", None)
    try:
        yield running
    finally:
        _stop(running.port)


def _start(data_dir: Path, port: int) -> lifecycle.Running:
    try:
        return lifecycle.start(port, data_dir)
    except lifecycle.SandboxError as error:
        raise UserError(str(error)) from error


def _stop(port: int) -> None:
    if lifecycle.find(port) is not None:
        lifecycle.stop(port)
