"""Keeps the committed definitions: `python -m workflows` writes them, infra deploys them with its own values."""

import json
from pathlib import Path

from workflows.build_endpoint import build_endpoint
from workflows.promote import promote
from workflows.rebalance import rebalance
from workflows.rebalance_all import rebalance_all

FOLDER = Path(__file__).parent
MACHINES = {
    "build_endpoint": build_endpoint,
    "rebalance": rebalance,
    "rebalance_all": rebalance_all,
    "promote": promote,
}


def path(name: str) -> Path:
    """Returns where the definition of the machine `name` is kept."""
    return FOLDER / f"{name}.asl.json"


def text(name: str) -> str:
    """Builds the definition of the machine `name` anew."""
    return json.dumps(MACHINES[name]().to_dict(), indent=2) + "\n"


def write() -> None:
    for name in MACHINES:
        path(name).write_text(text(name))
