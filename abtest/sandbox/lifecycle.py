"""Starts, finds and stops sandboxes from outside. It imports no MiniStack, so that it starts fast."""

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abtest import interrupts
from abtest.sandbox.settings import HOST, REGION, STATUS_PATH, Settings

DEFAULT_PORT = Settings().port
START_SECONDS = 60.0
STOP_SECONDS = 180.0  # what takes long on a busy machine is deleting the unpacked code of each Lambda worker


class SandboxError(Exception):
    """A sandbox did not start or stop; the text is one line that says why and what to do."""


@dataclass(frozen=True)
class Running:
    """A sandbox that answers."""

    pid: int
    port: int
    data_dir: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def default_data_dir(port: int) -> Path:
    """Returns the data folder of a port: one for each under build/, in the working directory."""
    return Path("build/sandbox" if port == DEFAULT_PORT else f"build/sandbox-{port}")


def environment(port: int) -> dict[str, str]:
    """Returns the variables that you export to use the sandbox: nothing else tells it from AWS."""
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "ABTEST_LAMBDA_PLATFORM": "local",
        **_past_proxies(),
    }


def _past_proxies() -> dict[str, str]:
    """Keeps your proxy from being asked for this machine's loopback address. Names are read in both cases."""
    if not any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")):
        return {}
    listed = [part for name in ("NO_PROXY", "no_proxy") for part in os.environ.get(name, "").split(",") if part]
    hosts = ",".join(dict.fromkeys([*listed, HOST, "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def command(port: int, data_dir: Path, options: Sequence[str] = ()) -> list[str]:
    """Returns the command line of the process; `options` as in `python -m abtest.sandbox --help`."""
    return [sys.executable, "-m", "abtest.sandbox", "--port", str(port), "--data-dir", str(data_dir), *options]


def find(port: int) -> Running | None:
    """Returns the sandbox on this port; None if nobody answers, or somebody else, or one that is ending."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", STATUS_PATH)
        response = connection.getresponse()
        return Running(**json.loads(response.read())) if response.status == 200 else None
    except (OSError, ValueError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def start(port: int, data_dir: Path, options: Sequence[str] = ()) -> Running:
    """Starts a sandbox that outlives this process, logging to sandbox.log in its folder. Raises SandboxError.

    Interrupted before the first answer, it leaves no sandbox behind.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "sandbox.log"
    whole = command(port, data_dir, options)
    process = None
    try:
        with path.open("ab") as log, interrupts.deferred():
            written_before = log.tell()
            process = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return _first_answer(process, port, path, written_before)
    except BaseException:
        if process is not None:
            process.kill()
            process.wait()
        raise


def _first_answer(process: "subprocess.Popen[bytes]", port: int, path: Path, written_before: int) -> Running:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            lines = path.read_bytes()[written_before:].decode().strip().splitlines() or ["it wrote nothing"]
            raise SandboxError(f"the sandbox did not start: {lines[-1]} (log: {path})")
        found = find(port)
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(0.05)
    raise SandboxError(f"the sandbox did not answer within {START_SECONDS:.0f} s (log: {path})")


def stop(port: int) -> Running:
    """Ends the sandbox on this port and waits until it has saved everything. Raises SandboxError."""
    found = find(port)
    if found is None:
        raise SandboxError(f"no sandbox answers on port {port}")
    end(found.pid, Path(found.data_dir))
    return found


def end(pid: int, data_dir: Path) -> None:
    """Ends the sandbox of the data folder, also a busy one that does not answer. Raises SandboxError."""
    os.kill(pid, signal.SIGTERM)
    last = time.monotonic() + STOP_SECONDS
    while in_use(data_dir):
        if time.monotonic() > last:
            raise SandboxError(f"the sandbox in {data_dir} (process {pid}) did not end within {STOP_SECONDS:.0f} s")
        time.sleep(0.05)


def in_use(data_dir: Path) -> bool:
    """Says whether a sandbox holds the data folder's lock: its process id may stay behind as a zombie's."""
    path = data_dir / "sandbox.lock"
    if not path.exists():
        return False
    with path.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
