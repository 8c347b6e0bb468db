import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import compile as compiling
from pipelines.definition import IMAGES_PATH, TEMPLATE_PATH

ROOT = Path(__file__).parents[2]

# Compiles with every attempt to reach a network made an error, and prints what the two committed files should hold.
OFFLINE = """
import json, socket
def refuse(*arguments, **options):
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = refuse
from pipelines.compile import compiled, images
print(json.dumps([compiled(), images()]))
"""


@pytest.mark.slow
def test_the_committed_files_are_fresh_and_need_no_network() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    template, images = json.loads(done.stdout.splitlines()[-1])
    assert template == json.loads(TEMPLATE_PATH.read_text()), "run `python -m pipelines.compile`"
    assert images == json.loads(IMAGES_PATH.read_text())


def test_the_sdk_leaves_logging_and_environment_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    root = logging.getLogger()
    before, variables = (root.level, list(root.handlers)), dict(os.environ)
    with compiling.sdk_at_rest():
        assert os.environ["AWS_DEFAULT_REGION"] == compiling.REGION
        root.setLevel(logging.CRITICAL)
        root.addHandler(logging.NullHandler())
    assert (root.level, root.handlers) == before
    assert dict(os.environ) == variables
