"""The demo's sandbox, on a stand-in for the process."""

import fcntl
import os
import signal
from pathlib import Path
from typing import TextIO

import pytest

from abtest.cli.demo.local_sandbox import StartError, local_sandbox
from abtest.cli.demo.stopwatch import Stopwatch
from abtest.cli.shown.output import UserError
from abtest.sandbox import lifecycle


class Process:
    """A sandbox that starts at once and holds the lock of its folder until it is ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lock: TextIO | None = None
        self.is_ending = False
        for name in ("start", "find", "end"):
            monkeypatch.setattr(lifecycle, name, getattr(self, name))
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", *lifecycle.environment(0)):
            monkeypatch.setenv(name, "set before")  # and set again as it was after the test

    @property
    def runs(self) -> bool:
        return self.lock is not None

    def start(self, port: int, data_dir: Path, *_: object) -> lifecycle.Running:
        data_dir.mkdir()
        (data_dir / "sandbox.pid").write_text("815\n")
        self.lock = (data_dir / "sandbox.lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return lifecycle.Running(815, port, str(data_dir.resolve()))

    def find(self, port: int) -> lifecycle.Running | None:
        return lifecycle.Running(815, port, "") if self.runs and not self.is_ending else None

    def end(self, pid: int, _: Path) -> None:
        assert pid == 815
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN, "a second Ctrl-C must not hinder the end"
        self.crash()

    def crash(self) -> None:
        assert self.lock is not None
        self.lock.close()
        self.lock = None


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(monkeypatch)


def test_only_the_sandbox_is_named_and_signals_are_as_before(process: Process, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with local_sandbox(tmp_path / "sandbox", 4711, Stopwatch()) as running:
        assert running.port == 4711
        environment = lifecycle.environment(4711)
        assert environment.items() <= os.environ.items()
        assert all(name in environment for name in os.environ if name.startswith("AWS_"))
    assert not process.runs
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_and_the_sandbox(process: Process, tmp_path: Path, number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), local_sandbox(tmp_path / "sandbox", 4711, Stopwatch()):
        signal.raise_signal(number)
    assert not process.runs


def test_a_failure_of_its_own_stays_what_it_is(process: Process, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^refused$"), local_sandbox(tmp_path / "sandbox", 0, Stopwatch()):
        raise UserError("refused")
    assert not process.runs


def test_a_failure_because_the_sandbox_has_ended_says_so(process: Process, tmp_path: Path) -> None:
    wanted = (
        r"^the sandbox ended in the middle of the demo: .*sandbox\.log may say why; abtest sandbox up --data-dir .*"
    )
    with pytest.raises(UserError, match=wanted), local_sandbox(tmp_path / "sandbox", 0, Stopwatch()):
        process.crash()
        raise ConnectionError("refused")
    with pytest.raises(UserError, match=wanted), local_sandbox(tmp_path / "sandbox", 0, Stopwatch()):
        process.is_ending = True  # it answers 500 while it saves
        raise UserError("POST /invocation answered 500")
    assert not process.runs


def test_a_folder_in_use_is_refused_and_not_touched(process: Process, tmp_path: Path) -> None:
    (tmp_path / "sandbox.pid").write_text("815\n")
    with (tmp_path / "sandbox.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = "is in use by a sandbox, process 815: choose another --output, or stop that one"
        with pytest.raises(StartError, match=wanted), local_sandbox(tmp_path, 0, Stopwatch()):
            pass
    assert not process.runs
    assert (tmp_path / "sandbox.pid").exists()


def test_a_proxy_of_the_users_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert "NO_PROXY" not in lifecycle.environment(4711)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet,localhost")
    assert lifecycle.environment(4711)["NO_PROXY"] == "intranet,localhost,127.0.0.1"


def test_what_an_earlier_sandbox_left_is_removed_and_nothing_else(process: Process, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with pytest.raises(StartError, match="is not a sandbox's data folder"), local_sandbox(folder, 0, Stopwatch()):
        pass
    (folder / "sandbox.lock").touch()
    with local_sandbox(folder, 0, Stopwatch()):
        assert not (folder / "old.txt").exists()
