"""Runs one program of a job, in a process group that ends with the job and with the sandbox."""

import contextlib
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from abtest.sandbox import guard
from abtest.sandbox.sagemaker import background

POLL_SECONDS = 0.05
LAST_LINES = 12
PYTHONS = ("python", "python3", "/usr/bin/python3", "/usr/local/bin/python3", "/miniconda3/bin/python")


class JobStoppedError(Exception):
    """Somebody asked for the job's end."""


class JobTimedOutError(Exception):
    """The job ran longer than its StoppingCondition allows."""


class SandboxStoppingError(Exception):
    """The sandbox ends: the record stays as it is, and the next start marks the job as failed."""


@dataclass(frozen=True)
class Limits:
    """Ends a program early: `stop` is set by a Stop operation, `deadline` is on the monotonic clock."""

    stop: threading.Event
    deadline: float

    def check(self) -> None:
        """Raises JobStoppedError, JobTimedOutError or SandboxStoppingError if one applies."""
        if background.stopping.is_set():
            raise SandboxStoppingError
        if self.stop.is_set():
            raise JobStoppedError
        if time.monotonic() > self.deadline:
            raise JobTimedOutError


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code and the last lines of its standard error."""

    code: int
    last_lines: str


def run(command: list[str], *, environment: dict[str, str], folder: Path, log: Path, limits: Limits) -> Ended:
    """Runs `command` to its end, its output appended to `log`.

    Raises JobStoppedError, JobTimedOutError or SandboxStoppingError after everything that it started has been killed.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, *_with_our_python(command)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl-C in the sandbox's terminal must not end the guard before its command
        )
        lines: deque[str] = deque(maxlen=LAST_LINES)
        assert process.stderr is not None
        reader = threading.Thread(target=_copy, args=(process.stderr, log, lines), daemon=True)
        reader.start()
        code = _wait(process, limits)
        reader.join(timeout=5)
    return Ended(code, "\n".join(lines))


def _with_our_python(command: list[str]) -> list[str]:
    return [sys.executable, *command[1:]] if command[0] in PYTHONS else command


def _copy(source: IO[bytes], log: Path, lines: deque[str]) -> None:
    """Copies the program's output to its log.

    The program never waits: a line that the disk refuses is kept for the reason.
    """
    with source, log.open("ab", buffering=0) as output:
        for line in source:
            with contextlib.suppress(OSError):
                output.write(line)
            if line.strip():
                lines.append(line.decode(errors="replace").rstrip())


def _wait(process: subprocess.Popen[bytes], limits: Limits) -> int:
    assert process.stdin is not None
    try:
        while True:
            limits.check()
            try:
                return process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    except (JobStoppedError, JobTimedOutError):
        process.terminate()  # the guard passes it on, and kills what is left some seconds later
        _wait_while_serving(process)
        raise
    finally:
        process.stdin.close()  # the guard's leash: whatever is left is killed
        process.wait()


def _wait_while_serving(process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not background.stopping.wait(POLL_SECONDS):
        continue
