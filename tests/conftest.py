"""The sandbox for tests: one shared by the session, and a factory for tests that stop and kill."""

import functools
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import botocore.session
import psutil
import pytest
from botocore.config import Config

from tests import budgets

START_SECONDS = 60.0
STOP_SECONDS = 300.0  # deletes a copy of the Lambda code for each worker, thousands of files on a busy disk
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"  # real reviews: continuous integration has them, a clone has not

# moto makes a new default session for each test, and each would parse botocore's megabytes of JSON anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
# For the same reason: a client's class has a method for each operation, 400 for SageMaker.
make_class = botocore.client.ClientCreator._create_client_class
classes: dict[str, type] = {}


def class_of(creator: Any, service_name: str, service_model: Any) -> type:
    if service_name not in classes:
        classes[service_name] = make_class(creator, service_name, service_model)
    return classes[service_name]


botocore.client.ClientCreator._create_client_class = class_of

ALL_SLOW = re.compile(r"^pytestmark = \[?pytest\.mark\.slow\b", re.MULTILINE)

left_out = pytest.StashKey[int]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The fast part does not even import a file that is slow as a whole: the CDK alone takes seconds."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if ALL_SLOW.search(collection_path.read_text()) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs the real reviews where there are none; the last lines say so."""
    if SHARED.is_dir():
        return
    shared = [item for item in items if item.get_closest_marker("shared")]
    items[:] = [item for item in items if item not in shared]
    config.hook.pytest_deselected(items=shared)
    config.stash[left_out] = len(shared)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = len(shared)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes bear their argument's name: gzip writes the time into them, and all workers must have the same ids."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """With pytest-xdist the workers collect, each the same tests."""
    node.config.stash[left_out] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if number := config.stash.get(left_out, 0):
        terminalreporter.write_line(f"{number} tests left out: they need the real reviews in {SHARED}", yellow=True)
    if config.option.markexpr == "slow":
        reports = itertools.chain.from_iterable(terminalreporter.stats.values())
        for line in budgets.lines(budgets.spent(one for one in reports if isinstance(one, pytest.TestReport))):
            terminalreporter.write_line(line, yellow="over" in line)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Sandbox:
    """One sandbox process; `env` is what its users export, and enough to run our command line in a subprocess."""

    port: int
    data_dir: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data_dir / "test.log").read_text()

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "ABTEST_LAMBDA_PLATFORM": "local",
        }

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client without retries; `config` goes to botocore's Config."""
        return boto3.session.Session().client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(**{"retries": {"total_max_attempts": 1}, "inject_host_prefix": False, **config}),
        )

    def start(self) -> "Sandbox":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "abtest.sandbox", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        with (self.data_dir / "test.log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, start_new_session=True)
        wait_for(self.answers, START_SECONDS)
        return self

    def answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, f"the sandbox ended:\n{self.log}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Sends the signal and waits; fails if a child of the sandbox outlives it by more than some seconds."""
        assert self.process is not None
        if self.process.poll() is not None:
            return
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive, f"outlived the sandbox: {alive}"

    def restart(self, number: int = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()


def wait_for(condition: Callable[[], Any], seconds: float = 30.0, interval: float = 0.05) -> Any:
    """The first true value of `condition`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(interval)
    raise AssertionError(f"not within {seconds} s: {condition}")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Shared by the session: name what you create so that no other test meets it."""
    started = Sandbox(free_port(), tmp_path_factory.mktemp("sandbox")).start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def deployed(sandbox: Sandbox) -> dict[str, str]:
    """The outputs of the stage `demo`, deployed on the session's sandbox by the real `cdk deploy`."""
    command = str(Path(sys.executable).with_name("abtest"))
    subprocess.run([command, "deploy", "--stage", "demo"], env=sandbox.env, cwd=ROOT, check=True, timeout=280)
    printed = subprocess.run(
        [command, "outputs", "--stage", "demo", "--json"], env=sandbox.env, cwd=ROOT, check=True, capture_output=True
    )
    outputs: dict[str, str] = json.loads(printed.stdout)
    return outputs


@pytest.fixture
def sandbox_factory(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Makes sandboxes of one's own, started: `sandbox_factory("--snapshot-seconds", "0.5")`."""
    made: list[Sandbox] = []

    def make(*options: str, data_dir: Path | None = None) -> Sandbox:
        made.append(Sandbox(free_port(), data_dir or tmp_path / f"sandbox{len(made)}", options).start())
        return made[-1]

    yield make
    for one in made:
        one.stop()
