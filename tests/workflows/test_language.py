"""Only a listed subset of the language is used: MiniStack's interpreter ignores some of the rest without a word."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workflows.machine import NAMES, load, states

COMMON = {"Type", "Next", "End", "Comment"}
FIELDS = {
    "Task": {"Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "Retry", "Catch"},
    "Map": {"ItemsPath", "ItemProcessor", "MaxConcurrency", "ResultPath", "Retry", "Catch"},
    "Pass": {"Parameters", "Result", "ResultPath"},
    "Choice": {"Choices", "Default"},
    "Wait": {"Seconds"},
    "Succeed": {"OutputPath"},
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
}
RETRY = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate"}  # MaxDelaySeconds, JitterStrategy: ignored
CATCH = {"ErrorEquals", "ResultPath", "Next"}
ERRORS = {"States.ALL", "States.TaskFailed", "States.Timeout"}
COMPARISONS = {"StringEquals", "StringEqualsPath", "BooleanEquals", "NumericGreaterThan", "IsPresent"}
PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)*")  # no filter, slice, wildcard or descent
CONTEXT = {"$$.Execution.Id", "$$.State.EnteredTime"}
INTRINSIC = re.compile(r"States\.(MathAdd\(\$[A-Za-z_.]*, -?\d+\)|JsonToString\(\$[A-Za-z_.]*\))")


def refused(machine: dict[str, Any]) -> list[str]:
    """What is outside the subset, with the state."""
    found = [] if set(machine) <= {"StartAt", "States", "Comment", "TimeoutSeconds"} else ["machine: fields"]
    for name, state in states(machine):
        found += [f"{name}: {what}" for what in _in_state(state)]
    return found


def _in_state(state: dict[str, Any]) -> Iterator[str]:
    yield from set(state) - COMMON - FIELDS[state["Type"]]
    for rule in state.get("Retry", ()):
        yield from set(rule) - RETRY | set(rule["ErrorEquals"]) - ERRORS
    for rule in state.get("Catch", ()):
        yield from set(rule) - CATCH | set(rule["ErrorEquals"]) - ERRORS
    for rule in state.get("Choices", ()):
        yield from _in_rule({key: value for key, value in rule.items() if key != "Next"})
    if "ItemProcessor" in state and state["ItemProcessor"]["ProcessorConfig"] != {"Mode": "INLINE"}:
        yield "ProcessorConfig"
    yield from (path for path in _paths(state) if not _is_allowed(path))


def _in_rule(rule: dict[str, Any]) -> Iterator[str]:
    for part in rule.get("And", []) + rule.get("Or", []):
        yield from _in_rule(part)
    yield from set(rule) - COMPARISONS - {"And", "Or", "Variable"}
    if rule.get("IsPresent") is False:
        yield "IsPresent: false"  # a member that is null is absent there, present on AWS


def _paths(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("ItemProcessor", "Retry"):
                yield from _paths(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, str) and (key.endswith((".$", "Path")) or key == "Variable"):
        yield value


def _is_allowed(path: str) -> bool:
    return bool(PATH.fullmatch(path) or INTRINSIC.fullmatch(path)) or path in CONTEXT


@pytest.mark.parametrize("name", NAMES)
def test_only_the_subset_is_used(name: str) -> None:
    assert refused(load(name)) == []


@pytest.mark.parametrize(
    ("state", "change", "found"),
    [
        ("PollEndpoint", {"HeartbeatSeconds": 5}, "HeartbeatSeconds"),
        ("PollEndpoint", {"Credentials": {}}, "Credentials"),
        ("WaitForEndpoint", {"SecondsPath": "$.lease.seconds"}, "SecondsPath"),
        ("WaitForEndpoint", {"QueryLanguage": "JSONata"}, "QueryLanguage"),
        ("PollEndpoint", {"Retry": [{"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL"}]}, "JitterStrategy"),
        ("PollEndpoint", {"Parameters": {"EndpointName.$": "$.a[?(@.b)]"}}, "$.a[?(@.b)]"),
        ("PollEndpoint", {"Parameters": {"EndpointName.$": "$$.Task.Token"}}, "$$.Task.Token"),
        (
            "LeaseAcquired",
            {"Choices": [{"Variable": "$.x", "TimestampLessThanPath": "$.y", "Next": "Done"}]},
            "TimestampLessThanPath",
        ),
    ],
)
def test_the_rest_would_be_found(state: str, change: dict[str, Any], found: str) -> None:
    machine = load("build_endpoint")
    machine["States"][state] |= change
    assert f"{state}: {found}" in refused(machine)
