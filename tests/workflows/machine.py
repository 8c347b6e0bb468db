"""A state machine's definition as the tests read it."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ServiceModel

from workflows.definitions import MACHINES, following, path

Json = dict[str, Any]

NAMES = tuple(MACHINES)


@functools.cache
def service_model(service: str) -> ServiceModel:
    """Of a service as Step Functions' resources name it."""
    names = {"sfn": "stepfunctions"}
    return botocore.session.get_session().get_service_model(names.get(service, service))


def load(name: str) -> Json:
    definition: Json = json.loads(path(name).read_text())
    return definition


def states(machine: Json) -> Iterator[tuple[str, Json]]:
    """All states with their names, those of Map processors too."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def reachable(machine: Json, *, without: tuple[str, ...] = ()) -> set[str]:
    """The states that can be reached from the start if those named in `without` did not exist."""
    found: set[str] = set()
    ahead = {machine["StartAt"]} - set(without)
    while ahead:
        found |= ahead
        ahead = {name for state in ahead for name in following(machine["States"][state])} - found - set(without)
    return found


def handler_module(state: Json) -> str | None:
    """`abtest.handlers.<file>` for a state that calls a function; the placeholder bears the file's name."""
    name = function_name(state)
    return None if name is None else "abtest.handlers." + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def function_name(state: Json) -> str | None:
    """`AcquireLease` for a state that calls ${AcquireLeaseFunctionArn}."""
    called = state.get("Parameters", {}).get("FunctionName")
    return None if called is None else str(called).removeprefix("${").removesuffix("FunctionArn}")


def functions(name: str) -> set[str]:
    """The functions that the states of the machine `name` call."""
    return {function for _, state in states(load(name)) if (function := function_name(state))}
