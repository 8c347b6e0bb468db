"""Demos that end with their test, whatever happens."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.demo.running import Demo

Start = Callable[..., Demo]


@pytest.fixture(scope="module")
def start_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a demo with these variables in a folder of its own: `start_demo(USERS="4")`."""
    started: list[Demo] = []
    # A shell that runs the tests in the background lets them ignore Ctrl-C, which their children would inherit.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(**options: str) -> Demo:
        folder: Path = tmp_path_factory.mktemp("demo")
        started.append(Demo(folder, **options))
        return started[-1]

    yield start
    for demo in started:
        demo.kill()
    signal.signal(signal.SIGINT, before)
