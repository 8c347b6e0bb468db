"""The sandbox's Lambda: environments that nobody uses end, as they do on AWS, and the next call starts another."""

import psutil
import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import create_function

pytestmark = pytest.mark.slow

SOURCE = "import os\ndef handler(event, context):\n    return os.getpid()\n"


def test_an_idle_environment_ends_and_the_next_call_has_another(sandbox: Sandbox) -> None:
    create_function(sandbox, "idle", SOURCE)
    client = sandbox.client("lambda")
    first, again = (int(client.invoke(FunctionName="idle")["Payload"].read()) for _ in range(2))
    assert first == again
    wait_for(lambda: not psutil.pid_exists(first), seconds=90, interval=1)
    assert int(client.invoke(FunctionName="idle")["Payload"].read()) != first
