"""Keeps the committed definitions: `python -m workflows` writes them, infra deploys them with its own values."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    """The definition of the machine `name`, built anew; its states stand in the order in which they are run."""
    machine = MACHINES[name]().to_dict()
    states = machine["States"]
    backwards = list(_backwards(states, machine["StartAt"], set()))
    return json.dumps(machine | {"States": {state: states[state] for state in backwards[::-1]}}, indent=2) + "\n"


def following(state: dict[str, Any]) -> list[str]:
    """The states that can come after `state`: those of its choices first, those of its errors last."""
    nexts = [rule["Next"] for rule in state.get("Choices", ())]
    nexts += [state[key] for key in ("Default", "Next") if key in state]
    return nexts + [catch["Next"] for catch in state.get("Catch", ())]


def _backwards(states: dict[str, Any], name: str, seen: set[str]) -> Iterator[str]:
    """The states from the last to `name`, without those in `seen`, which grows: loops are followed once."""
    seen.add(name)
    for other in reversed(following(states[name])):
        if other not in seen:
            yield from _backwards(states, other, seen)
    yield name


def write() -> None:
    for name in MACHINES:
        path(name).write_text(text(name))
