"""What this process starts does not outlive it, whenever the signal comes."""

import signal
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import pytest

from abtest import interrupts
from abtest.cli.stage import cdk
from abtest.sandbox import lifecycle

SLEEP = ["sleep", "60"]


class Interrupted(subprocess.Popen[Any]):
    """Started, and a signal comes before anybody knows its process id."""

    started: ClassVar[list[subprocess.Popen[Any]]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.started.append(self)
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[subprocess.Popen[Any]]:
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    monkeypatch.setattr(Interrupted, "started", [])
    monkeypatch.setattr(lifecycle, "command", lambda *_: SLEEP)
    monkeypatch.setattr(cdk, "BUILD", tmp_path)
    return Interrupted.started


def test_a_sandbox_whose_start_is_interrupted_is_not_left(started: list[subprocess.Popen[Any]], tmp_path: Path) -> None:
    with (
        interrupts.handled(signal.default_int_handler, signal.SIGTERM),
        pytest.raises(KeyboardInterrupt),
    ):
        lifecycle.start(1, tmp_path)
    assert [process.poll() for process in started] == [-signal.SIGKILL]


def test_a_command_whose_start_is_interrupted_is_not_left(started: list[subprocess.Popen[Any]], tmp_path: Path) -> None:
    with (
        interrupts.handled(signal.default_int_handler, signal.SIGTERM),
        pytest.raises(KeyboardInterrupt),
    ):
        cdk.run(SLEEP, "log", folder=tmp_path)
    assert [process.poll() for process in started] == [-signal.SIGTERM]


def test_deferred_handlers_are_as_before_and_each_signal_arrives() -> None:
    came: list[int] = []
    with interrupts.handled(lambda number, _: came.append(number), *interrupts.ENDING):
        with interrupts.deferred():
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGINT)
            assert came == []
        assert came == [signal.SIGHUP, signal.SIGINT]
