"""docs/machines.md: each state machine as a diagram, from its committed definition."""

import inspect
import sys
from collections.abc import Iterator

from tests.workflows.machine import Json, function_name, load, reachable
from workflows.definitions import MACHINES
from workflows.tasks import IN_FLUX

HEAD = """# The state machines

Step Functions runs these. A box is a state, with its name; one with double sides calls the function of that name, or of
the name after the colon, whose code is in `abtest/handlers/`. A diamond chooses. A dotted line is taken on an error.
An error from which a machine can only fail is left out, as are retries.
"""


def page() -> str:
    return "\n".join([HEAD, *(line for name in MACHINES for line in section(name))])


def section(name: str) -> Iterator[str]:
    """The first paragraph of the definition's module, and the diagram."""
    module = sys.modules[MACHINES[name].__module__]
    yield from (f"## {name}", "", first_sentence(inspect.getdoc(module) or ""), "", "```mermaid", "flowchart TD")
    machine = load(name)
    yield from (f"  start(( )) --> {machine['StartAt']}", *lines(machine))
    yield from ("```", "")


def first_sentence(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ")


def lines(machine: Json) -> Iterator[str]:
    """The boxes and arrows of a flowchart, in the definition's order; those of a Map's inner machine stand in it."""
    states: dict[str, Json] = machine["States"]
    hopeless = {name for name in states if not ends_well(machine, name)}
    arrows = {name: list(arrows_from(name, state, hopeless)) for name, state in states.items()}
    reached = {arrow.rpartition(" ")[2] for some in arrows.values() for arrow in some} | {machine["StartAt"]}
    for name, state in states.items():
        if name in reached:
            yield f"  {name}{box(name, state)}"
            yield from (f"  {arrow}" for arrow in arrows[name])
        if "ItemProcessor" in state:
            inner = state["ItemProcessor"]
            yield from (f"  {name} -.->|each item| {inner['StartAt']}", *lines(inner))


def ends_well(machine: Json, name: str) -> bool:
    found = {name} | reachable(machine | {"StartAt": name})
    return any(machine["States"][other]["Type"] == "Succeed" or "End" in machine["States"][other] for other in found)


def arrows_from(name: str, state: Json, hopeless: set[str]) -> Iterator[str]:
    following = [other for other, _ in ways(state)]
    yield from (f"{name} -->{f'|{label}|' if label else ''} {other}" for other, label in ways(state))
    for catch in state.get("Catch", ()):
        if catch["Next"] not in hopeless and catch["Next"] not in following:
            yield f"{name} -.->|error| {catch['Next']}"


def ways(state: Json) -> Iterator[tuple[str, str]]:
    """The states that follow, but for errors, each with the condition in a few words."""
    for rule in state.get("Choices", ()):
        yield rule["Next"], condition(rule)
    if "Default" in state:
        yield state["Default"], "else"
    if "Next" in state:
        yield state["Next"], ""


def condition(rule: Json) -> str:
    """The rule in a few words: of several that must hold the last one, of alternatives all."""
    if "And" in rule:
        return condition(rule["And"][-1])
    if "Or" in rule:
        statuses = tuple(part["StringEquals"] for part in rule["Or"])
        return "changing" if statuses == IN_FLUX else " or ".join(statuses)
    subject = rule["Variable"].rpartition(".")[2]
    key, value = next((key, value) for key, value in rule.items() if key not in ("Variable", "Next"))
    if key in ("BooleanEquals", "IsPresent"):
        return subject if value else f"not {subject}"
    if key == "StringEqualsPath":
        return f"{subject} of the {value.split('.')[1]}"
    return str(value) if key == "StringEquals" else f"{subject} above {value}"


def box(name: str, state: Json) -> str:
    """Mermaid's brackets for the kind of state, around its name."""
    if state["Type"] == "Choice":
        return "{" + name + "}"
    if state["Type"] in ("Succeed", "Fail"):
        return f"([{name}])"
    function = function_name(state)
    if function is None:
        return f"[{name}]"
    return f"[[{name}]]" if function == name else f'[["{name}: {function}"]]'
