"""`abtest sandbox` from outside: up, status, down, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from abtest.sandbox import lifecycle
from tests.conftest import Sandbox, free_port

pytestmark = pytest.mark.slow


def abtest(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-c", "from abtest.cli.main import main; main()", "sandbox", *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=90, cwd=folder)


def test_up_status_down(tmp_path: Path) -> None:
    port = str(free_port())
    started = abtest("up", "--port", port, "--detach", folder=tmp_path)
    assert started.returncode == 0, started.stderr
    try:
        assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}" in started.stdout.splitlines()
        assert all(line.startswith("export ") for line in started.stdout.splitlines())
        status = json.loads(abtest("status", "--port", port, "--json").stdout)
        assert status["running"] and status["data_dir"] == str(tmp_path / f"build/sandbox-{port}")
        assert abtest("env", "--port", port).stdout == started.stdout
        assert f"running on http://127.0.0.1:{port}" in abtest("status", "--port", port).stdout
    finally:
        stopped = abtest("down", "--port", port)
    assert (stopped.returncode, stopped.stdout.split(";")[0]) == (0, "stopped")
    assert lifecycle.find(int(port)) is None
    assert "all state is saved" in (tmp_path / f"build/sandbox-{port}/sandbox.log").read_text()


def test_nothing_there_is_said_in_one_line() -> None:
    port = str(free_port())
    for verb in ("status", "down"):
        ended = abtest(verb, "--port", port)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"abtest: no sandbox answers on port {port}")
        assert len(ended.stderr.splitlines()) == 1
    assert json.loads(abtest("status", "--port", port, "--json").stdout) == {"running": False, "port": int(port)}


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_busy_port_and_a_folder_in_use_are_refused(sandbox: Sandbox, tmp_path: Path, detach: tuple[str, ...]) -> None:
    busy = abtest("up", "--port", str(sandbox.port), *detach, folder=tmp_path)
    assert busy.returncode == 1 and f"port {sandbox.port} is in use" in busy.stderr
    port = free_port()
    used = abtest("up", "--port", str(port), "--data-dir", str(sandbox.data_dir), *detach)
    *progress, refusal = used.stderr.splitlines()
    assert used.returncode == 1 and "is in use by another sandbox" in refusal
    assert progress == ([f"starting a sandbox on port {port}"] if detach else [])


def test_wrong_usage_is_exit_code_2() -> None:
    assert abtest("up", "--port", "no").returncode == 2
