"""Every path that a state reads exists by then, whichever way the execution came: a data flow analysis.

On AWS a missing path ends the execution at once, and nothing can catch that; MiniStack reads null instead.
What is known of `$` is a set of paths. A state's results add to it: a function's as its handler's return type
says, a SageMaker operation's as botocore says (members that a response may lack only behind IsPresent).
"""

import copy
import importlib
import json
import re
import typing
from typing import Any

import pytest

from tests.workflows.machine import NAMES, Json, handler_module, load, service_model
from tests.workflows.test_language import _paths as paths_in

Known = frozenset[str]

INPUTS: dict[str, Known] = {"rebalance": frozenset({"endpoint_name"})}  # what a machine's starts give it


def reads(state: Json) -> set[str]:
    """The paths that the state takes from its input, without the leading `$.`; `$` itself is always there."""
    own = {
        key: value for key, value in state.items() if key not in ("ResultSelector", "ResultPath", "Catch", "Choices")
    }
    rules = {key: state[key] for key in ("Choices",) if key in state}
    found = {path for part in (own, rules) for path in paths_in(part)}
    plain = {re.sub(r"^States\.\w+\((.*), .*\)$", r"\1", path) for path in found}
    return {path.removeprefix("$.") for path in plain if path.startswith("$.")}


def result_members(state: Json) -> set[str]:
    """The members that the state's result certainly has."""
    if "Result" in state:
        return set(state["Result"])
    if state["Type"] == "Pass":
        return {key.removesuffix(".$") for key in state["Parameters"]}
    module = handler_module(state)
    if module:
        returned = typing.get_type_hints(importlib.import_module(module).handler)["return"]
        wanted = {value.removeprefix("$.Payload.") for value in state["ResultSelector"].values()}
        assert wanted <= returned.__required_keys__, f"{module} returns no {wanted - returned.__required_keys__}"
        return {key.removesuffix(".$") for key in state["ResultSelector"]}
    if state["Type"] == "Map":
        return set()
    service, operation = state["Resource"].split(":")[-2:]
    if operation == "putEvents":
        return {"FailedEntryCount", "Entries"}
    shape = service_model(service).operation_model(operation[0].upper() + operation[1:]).output_shape
    return {member[0].upper() + member[1:] for member in shape.required_members} if shape else set()


def put(known: Known, slot: str | None, members: set[str]) -> Known:
    """What is known once a result with `members` replaced what was in `slot`."""
    if slot is None:
        return known
    name = slot.removeprefix("$.")
    kept = {path for path in known if path != name and not path.startswith(f"{name}.")}
    return frozenset(kept | {name} | {f"{name}.{member}" for member in members})


def present(rule: Json) -> set[str]:
    """The paths that a Choice rule proves to exist."""
    if rule.get("IsPresent"):
        return {rule["Variable"].removeprefix("$.")}
    return {path for part in rule.get("And", ()) for path in present(part)}


def edges(state: Json, known: Known) -> list[tuple[str, Known]]:
    """The states that follow, each with what is known there."""
    following = [
        (catch["Next"], put(known, catch["ResultPath"], {"Error", "Cause"})) for catch in state.get("Catch", ())
    ]
    following += [(rule["Next"], known | present(rule)) for rule in state.get("Choices", ())]
    if "Default" in state:
        following.append((state["Default"], known))
    if "Next" in state:
        has_result = state["Type"] in ("Task", "Pass", "Map")
        following.append(
            (state["Next"], put(known, state["ResultPath"], result_members(state)) if has_result else known)
        )
    return following


def known_at(machine: Json, start: Known) -> dict[str, Known]:
    """What is known when each state is entered: the least over all ways to it."""
    known = {machine["StartAt"]: start}
    ahead = [machine["StartAt"]]
    while ahead:
        name = ahead.pop()
        for following, there in edges(machine["States"][name], known[name]):
            least = known[following] & there if following in known else there
            if known.get(following) != least:
                known[following] = least
                ahead.append(following)
    return known


def item_members(machine: Json, state: Json) -> Known:
    """What is known of one item of a Map: a member of a handler's result, whose type says it."""
    slot, member = state["ItemsPath"].rsplit(".", 1)
    (module,) = {handler_module(task) for task in machine["States"].values() if task.get("ResultPath") == slot}
    returned = typing.get_type_hints(importlib.import_module(str(module)).handler)["return"]
    (item,) = typing.get_args(typing.get_type_hints(returned)[member])
    return frozenset(item.__required_keys__)


def guarded(state: Json) -> set[str]:
    """Paths that the state's own rules read only where they proved them present."""
    return {path for rule in state.get("Choices", ()) for path in present(rule)}


def missing(machine: Json, start: Known = frozenset()) -> list[str]:
    """The paths that a state may read in vain."""
    found = []
    for name, known in known_at(machine, start).items():
        state = machine["States"][name]
        found += [f"{name}: {path}" for path in sorted(reads(state) - known - guarded(state))]
        if "ItemProcessor" in state:
            found += [f"{name}: {problem}" for problem in missing(state["ItemProcessor"], item_members(machine, state))]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_path_that_a_state_reads_exists(name: str) -> None:
    assert missing(load(name), INPUTS.get(name, frozenset())) == []


def mutants() -> list[tuple[str, str, str, str]]:
    return [
        ("build_endpoint", "$.selection.endpoint_config_name", "$.selection.config_name", "selection.config_name"),
        ("build_endpoint", '"ResultPath": "$.lease"', '"ResultPath": "$.rent"', "LeaseAcquired: lease.acquired"),
        ("build_endpoint", '"$.package_arn"', '"$.arn"', "CreateModels: CreateModel: arn"),
        ("rebalance", '"$.endpoint_name"', '"$.endpoint"', "CountEvents: endpoint"),
        ("rebalance_all", '"CausePath": "$.error.Cause"', '"CausePath": "$.started.Cause"', "Failed: started.Cause"),
        ("rebalance", '"$.attempt.number"', '"$.attempt.count"', "attempt.count"),
        (
            "rebalance",
            '"CausePath": "$.refusal.Cause"',
            '"CausePath": "$.update.Cause"',
            "WeightsRefused: update.Cause",
        ),
    ]


@pytest.mark.parametrize(("name", "old", "new", "problem"), mutants())
def test_a_wrong_path_would_be_found(name: str, old: str, new: str, problem: str) -> None:
    text = json.dumps(load(name))
    assert old in text
    broken = json.loads(text.replace(old, new))
    assert any(problem in found for found in missing(broken, INPUTS.get(name, frozenset())))


def test_an_optional_member_must_be_guarded() -> None:
    machine = copy.deepcopy(load("build_endpoint"))
    machine["States"]["WhyFailed"]["Choices"][0] = {
        "Variable": "$.endpoint.EndpointArn",
        "IsPresent": True,
        "Next": "EndpointFailed",
    }
    assert "EndpointFailed: endpoint.FailureReason" in missing(machine)


def test_a_result_that_no_handler_returns_would_be_found() -> None:
    machine: dict[str, Any] = load("build_endpoint")
    machine["States"]["AcquireLease"]["ResultSelector"] = {"acquired.$": "$.Payload.held"}
    with pytest.raises(AssertionError, match="held"):
        missing(machine)
