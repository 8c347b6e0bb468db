"""A demo in a process of its own, watched from outside."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import ROOT, SHARED, Sandbox, free_port, wait_for

REAL = [SHARED / f"amazon_reviews_us_{product}.tsv.gz" for product in ("hair_dryer", "microwave")]
COMMAND = Path(sys.executable).with_name("abtest")
SECONDS = 240.0  # for a demo of few users, with others beside it
LEAVING_SECONDS = 60.0  # what was told to end may need long on a busy machine


def real_reviews() -> str:
    """REVIEWS of the issue; for tests marked `shared`, which are left out where the folder is missing."""
    missing = [str(path) for path in REAL if not path.is_file()]
    assert not missing, f"the real reviews are incomplete: {missing}"
    return ",".join(str(path) for path in REAL)


class Demo:
    """Started at once; `lines` is what it has told so far. Options are REVIEWS, SEED, USERS, ROUNDS, PARAMS."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder, self.port, self.lines = folder, free_port(), list[str]()
        given = {"USERS": "40", "ROUNDS": "2", "PORT": str(self.port)} | options
        kept = {name: value for name, value in os.environ.items() if name not in ("REVIEWS", "SEED", "PARAMS")}
        self.process = subprocess.Popen(
            [COMMAND, "demo", "--output", str(folder)],
            cwd=ROOT,
            # A variable for one service would win over the sandbox's address if it were kept.
            env=kept | given | {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    @property
    def told(self) -> str:
        return "\n".join(self.lines)

    @property
    def sandbox(self) -> Sandbox:
        """For its clients: this one is the demo's to start and stop."""
        return Sandbox(self.port, self.folder / "sandbox")

    @property
    def sandbox_pid(self) -> int:
        return int((self.folder / "sandbox" / "sandbox.pid").read_text())

    @property
    def summary(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return document

    def wait_for_line(self, text: str) -> None:
        """Until a line of the progress contains `text`."""

        def seen() -> bool:
            assert self.process.poll() is None or text in self.told, self.told
            return text in self.told

        wait_for(seen, SECONDS, 0.02)

    def end(self) -> int:
        """Waits for the end; returns the exit code. Nothing that the demo started may outlive it."""
        assert self.process.stdout is not None
        self.output = self.process.stdout.read()
        code = self.process.wait(SECONDS)
        self._close()
        wait_for(lambda: not self.left(), LEAVING_SECONDS)
        return code

    def _close(self) -> None:
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def complaint(self) -> str:
        """The last line; all others must be progress, and none a traceback's."""
        assert "Traceback" not in self.told
        assert [line for line in self.lines if line.startswith("abtest: ")] == self.lines[-1:], self.told
        return self.lines[-1]

    def left(self) -> list[str]:
        """Processes that name the demo's folder or its sandbox, in their command line or environment."""
        marks = (str(self.folder), f"127.0.0.1:{self.port}")
        return [text for text in map(described, psutil.process_iter()) if any(mark in text for mark in marks)]

    def kill(self) -> None:
        """Whatever a failed test leaves."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._close()
        pid_file = self.folder / "sandbox" / "sandbox.pid"
        if self.left() and pid_file.exists():
            psutil.Process(self.sandbox_pid).kill()


def described(process: psutil.Process) -> str:
    try:
        return "\0".join([*process.cmdline(), *(f"{k}={v}" for k, v in process.environ().items())])
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # has ended, or is another user's
        return ""
