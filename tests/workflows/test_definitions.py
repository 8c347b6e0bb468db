"""The committed definitions are fresh, and pass both linters and our own rules."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from statelint.linter import Linter

from tests.workflows.machine import NAMES, handler_module, load, reachable, service_model, states
from workflows.definitions import MACHINES, following, path, text

ROOT = Path(__file__).parent.parent.parent
SDK = re.compile(r"arn:aws:states:::aws-sdk:(sagemaker|sfn):(\w+)")
LAMBDA = "arn:aws:states:::lambda:invoke"
EVENTS = "arn:aws:states:::events:putEvents"


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_file_is_what_the_source_makes(name: str) -> None:
    assert path(name).read_text() == text(name), "run `python -m workflows`"


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_reads_from_the_start(name: str) -> None:
    """A state stands after one that leads to it."""
    machine = load(name)
    known = {machine["StartAt"]}
    for key, state in machine["States"].items():
        assert key in known, f"nothing before {key} leads to it"
        known |= set(following(state))


@pytest.mark.slow
def test_asl_validator_finds_nothing() -> None:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(ROOT / "node_modules/.bin/asl-validator"), *(f"--json-path={path(name)}" for name in NAMES)]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_statelint_finds_nothing(name: str) -> None:
    assert Linter.validate(load(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_a_timeout_a_retry_and_a_slot_of_its_own(name: str) -> None:
    tasks = [(key, state) for key, state in states(load(name)) if state["Type"] == "Task"]
    slots = [(key, state) for key, state in states(load(name)) if state["Type"] in ("Task", "Pass", "Map")]
    wrong = [key for key, state in tasks if not {"TimeoutSeconds", "Retry", "Catch"} <= set(state)]
    wrong += [key for key, state in slots if not re.fullmatch(r"\$\.[a-z_]+", state["ResultPath"])]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_waits_are_literal_seconds(name: str) -> None:
    waits = {key: state["Seconds"] for key, state in states(load(name)) if state["Type"] == "Wait"}
    assert waits == {key: 300 if key == "WaitForShadow" else 10 for key in waits}


def test_a_shadow_that_waits_to_the_end_stays_within_an_executions_history() -> None:
    """Wait and Choice are two events each, a Task is five."""
    machine = load("build_endpoint")
    look = ["WaitForShadow", "PollShadow", "StillInShadow", "CompareShadow", "ShadowJudged"]
    events = sum(5 if machine["States"][state]["Type"] == "Task" else 2 for state in look)
    looks = machine["TimeoutSeconds"] / machine["States"]["WaitForShadow"]["Seconds"]
    assert looks * events < 24_000  # of 25,000; the others are for deployments


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_handlers_of_the_same_name(name: str) -> None:
    modules = [handler_module(state) for _, state in states(load(name)) if state.get("Resource") == LAMBDA]
    for module in modules:
        assert module and (ROOT / (module.replace(".", "/") + ".py")).exists()


def problems(machine: dict[str, Any]) -> list[str]:
    """What botocore's models say against the calls."""
    found = []
    for name, state in states(machine):
        call = SDK.fullmatch(state.get("Resource", ""))
        if call is None:
            continue
        operation, model = call[2][0].upper() + call[2][1:], service_model(call[1])
        if operation not in model.operation_names:
            found.append(f"{name}: {call[1]} has no {operation}")
            continue
        shape = model.operation_model(operation).input_shape
        given = {key.removesuffix(".$") for key in state["Parameters"]}
        members = {member[0].upper() + member[1:] for member in shape.members}  # as Step Functions writes them
        required = {member[0].upper() + member[1:] for member in shape.required_members}
        found += [f"{name}: {operation} has no {member}" for member in given - members]
        found += [f"{name}: {operation} needs {member}" for member in required - given]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_services_know_every_action_and_member(name: str) -> None:
    assert problems(load(name)) == []


def test_wrong_actions_and_members_would_be_found() -> None:
    machine = load("build_endpoint")
    machine["States"]["UpdateEndpoint"]["Resource"] = "arn:aws:states:::aws-sdk:sagemaker:updateEndpont"
    machine["States"]["PollEndpoint"]["Parameters"] = {"Endpoint.$": "$.x"}
    assert sorted(problems(machine)) == [
        "PollEndpoint: DescribeEndpoint has no Endpoint",
        "PollEndpoint: DescribeEndpoint needs EndpointName",
        "UpdateEndpoint: sagemaker has no UpdateEndpont",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_resource_is_a_function_or_a_call_that_botocore_knows(name: str) -> None:
    resources = {state["Resource"] for _, state in states(load(name)) if "Resource" in state}
    assert all(resource in (LAMBDA, EVENTS) or SDK.fullmatch(resource) for resource in resources)


def test_an_update_never_retains_the_properties_of_the_old_variants() -> None:
    assert "Retain" not in json.dumps(load("build_endpoint"))


def test_success_and_failure_both_release_the_lease() -> None:
    machine = load("build_endpoint")
    ends = {name for name, state in machine["States"].items() if state["Type"] in ("Succeed", "Fail")}
    assert ends <= reachable(machine)
    assert not ends & reachable(machine, without=("ReleaseLease", "ReleaseLeaseAfterFailure"))


@pytest.mark.parametrize("name", NAMES)
def test_failures_name_their_cause(name: str) -> None:
    fails = [state for _, state in states(load(name)) if state["Type"] == "Fail"]
    assert fails
    assert all({"ErrorPath", "CausePath"} <= set(state) or {"Error", "Cause"} <= set(state) for state in fails)


def test_the_root_logger_is_left_alone() -> None:
    code = "import logging; logging.getLogger().setLevel(17); import workflows.fields; print(logging.getLogger().level)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT) == b"17\n"


def test_all_machines_are_committed() -> None:
    assert set(MACHINES) == {"build_endpoint", "rebalance", "rebalance_all", "promote"}
