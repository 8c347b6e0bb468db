"""The process: start, stop, several side by side."""

import pytest

from tests.conftest import Sandbox

pytestmark = pytest.mark.slow


def test_it_serves_aws_on_one_port(sandbox: Sandbox) -> None:
    assert sandbox.client("sts").get_caller_identity()["Account"] == "000000000000"
