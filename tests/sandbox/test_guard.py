"""Nothing that the guard starts outlives the pipe that it holds."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from abtest.sandbox import guard

pytestmark = pytest.mark.slow

FAMILY = """
import subprocess, sys, time, signal
if {deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
{then}
"""


def start(*command: str) -> "subprocess.Popen[bytes]":
    line = [sys.executable, "-I", "-S", str(Path(guard.__file__)), *command]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def family(then: str, deaf: bool = False) -> "tuple[subprocess.Popen[bytes], psutil.Process]":
    """The guard of a process with a child, and that grandchild."""
    started = start(sys.executable, "-c", FAMILY.format(then=then, deaf=deaf))
    assert started.stdout is not None
    return started, psutil.Process(int(started.stdout.readline()))


def ended(process: psutil.Process) -> bool:
    _, alive = psutil.wait_procs([process], timeout=5)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("script", "code"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_the_commands(script: str, code: int) -> None:
    with start(sys.executable, "-c", script) as guarded:
        assert guarded.wait(10) == code


def test_a_command_that_cannot_start() -> None:
    with start("/nonexistent") as guarded:
        assert guarded.wait(10) == 127


def test_the_group_dies_when_the_pipe_closes() -> None:
    guarded, grandchild = family("time.sleep(60)")
    with guarded:
        assert guarded.stdin is not None
        guarded.stdin.close()
        assert guarded.wait(10) == 128 + signal.SIGKILL
    assert ended(grandchild)


def test_the_group_dies_with_the_command() -> None:
    guarded, grandchild = family("sys.exit(3)")
    with guarded:
        assert guarded.wait(10) == 3
    assert ended(grandchild)


@pytest.mark.parametrize(("deaf", "code"), [(False, 128 + signal.SIGTERM), (True, 128 + signal.SIGKILL)])
def test_sigterm_ends_the_group_sooner_or_later(deaf: bool, code: int) -> None:
    guarded, grandchild = family("time.sleep(60)", deaf)
    with guarded:
        guarded.terminate()
        assert guarded.wait(10) == code
    assert ended(grandchild)


def test_the_signals_of_a_terminal_do_not_end_the_guard() -> None:
    guarded, grandchild = family("time.sleep(60)")
    with guarded:
        for number in (signal.SIGINT, signal.SIGHUP):
            guarded.send_signal(number)
        assert guarded.stdin is not None
        guarded.stdin.close()
        assert guarded.wait(10) == 128 + signal.SIGKILL
    assert ended(grandchild)
