"""The demo starts a sandbox of its own, which is empty and ends with the demo."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abtest import interrupts
from abtest.cli.demo.stopwatch import Stopwatch
from abtest.cli.shown.output import UserError, refusals, say
from abtest.cli.shown.waiting import meanwhile
from abtest.sandbox import lifecycle

OPTIONS = ("--verify-identities",)  # so that the demo shows the stacks' policies to suffice, too


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def local_sandbox(data_dir: Path, port: int, watch: Stopwatch) -> Iterator[lifecycle.Running]:
    """Starts a sandbox with an empty data folder, points this process's environment at it, and stops it at the end.

    SIGTERM and SIGHUP end the block as an interrupt does, so that nothing is left running. Raises UserError if it
    cannot start, or if what failed in the block did so because the sandbox had ended.
    """
    port = port or free_port()
    _claim(data_dir)
    with interrupts.handled(signal.default_int_handler, signal.SIGTERM, signal.SIGHUP):
        try:
            with watch.phase("sandbox", "starting the sandbox"):
                running = _start(data_dir, port)
                say(f"the sandbox serves AWS on {running.url}")
            _point_environment_at(port)
            yield running
        except Exception as error:
            if isinstance(error, StartError) or lifecycle.find(port) is not None:
                raise
            raise UserError(
                f"the sandbox ended in the middle of the demo: {data_dir / 'sandbox.log'} may say why; "
                f"abtest sandbox up --data-dir {data_dir} starts it again on what it had saved"
            ) from error
        finally:
            with interrupts.handled(signal.SIG_IGN, *interrupts.ENDING):
                _stop(data_dir)


class StartError(UserError):
    """The sandbox was not started."""


def _claim(data_dir: Path) -> None:
    """Removes what an earlier demo left. Raises StartError for a folder in use, or one that no sandbox has made."""
    if lifecycle.in_use(data_dir):
        pid = (data_dir / "sandbox.pid").read_text().strip()
        raise StartError(f"{data_dir} is in use by a sandbox, process {pid}: choose another --output, or stop that one")
    if data_dir.is_dir() and any(data_dir.iterdir()) and not (data_dir / "sandbox.lock").exists():
        raise StartError(f"{data_dir} is not a sandbox's data folder and not empty: choose another --output")
    shutil.rmtree(data_dir, ignore_errors=True)


def _start(data_dir: Path, port: int) -> lifecycle.Running:
    try:
        with meanwhile("the sandbox starts"):
            return lifecycle.start(port, data_dir, OPTIONS)
    except lifecycle.SandboxError as error:
        raise StartError(str(error)) from error


def _point_environment_at(port: int) -> None:
    """Leaves the sandbox as the only AWS that the environment names, whatever profile or endpoint was set before."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(lifecycle.environment(port))


def _stop(data_dir: Path) -> None:
    """Ends the sandbox by its process id, since a busy one may be slow to answer on its port."""
    if not lifecycle.in_use(data_dir):
        return
    with refusals(lifecycle.SandboxError):
        lifecycle.end(int((data_dir / "sandbox.pid").read_text()), data_dir)
