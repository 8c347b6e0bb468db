"""A demo that is interrupted leaves nothing running."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.cli.demo.running import Demo

pytestmark = pytest.mark.slow


def test_ctrl_c_while_it_deploys(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()
    demo.wait_for_line("deploying reviews-demo-data")
    os.killpg(demo.process.pid, signal.SIGINT)  # as a terminal does: to the demo and to cdk, not to the sandbox
    assert demo.end() == 130
    assert demo.complaint() == "abtest: interrupted"


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, "starting the sandbox"), (signal.SIGTERM, "synthesising"), (signal.SIGHUP, "TrainChampion")],
)
def test_a_signal_to_the_demo_alone(start_demo: Callable[..., Demo], number: signal.Signals, moment: str) -> None:
    demo = start_demo()
    demo.wait_for_line(moment)
    demo.process.send_signal(number)
    assert demo.end() == 130
    assert demo.complaint() == "abtest: interrupted"
