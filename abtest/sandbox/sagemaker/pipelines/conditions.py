"""Evaluates the conditions of a Condition step, on resolved values."""

import operator
from collections.abc import Callable
from typing import Any

from abtest.sandbox.sagemaker.pipelines import forms
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError
from abtest.sandbox.sagemaker.wire import Json

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}

# The members that each type needs; Not and Or hold further conditions.
MEMBERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}


def every(conditions: list[Json]) -> bool:
    """Returns the outcome of a Condition step: whether all of its conditions hold (True with none)."""
    return all(holds(condition) for condition in conditions)


def holds(condition: Json) -> bool:
    """Says whether a condition holds. Raises ExpressionError if two values cannot be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"])
    if kind == "Or":
        return any(holds(inner) for inner in condition["Conditions"])
    if kind == "In":
        return any(_same(condition["QueryValue"], value) for value in condition["Values"])
    return _compare(kind, condition["LeftValue"], condition["RightValue"])


def problems(condition: Any) -> list[str]:
    """Returns what is wrong with the form of an unresolved condition."""
    wrong = forms.problem(condition, forms.CONDITION, required=("Type",))
    if wrong:
        return [f"a condition is wrong: {wrong}"]
    kind = condition["Type"]
    if kind not in MEMBERS:
        return [f"'{kind}' is not a type of condition"]
    missing = [f"a condition of type {kind} needs {member}" for member in MEMBERS[kind] if member not in condition]
    inner = {"Not": [condition.get("Condition")], "Or": condition.get("Conditions")}.get(kind)
    return missing or [problem for child in inner or [] for problem in problems(child)]


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and bool(left == right)


def _compare(kind: str, left: Any, right: Any) -> bool:
    if _kind(left) != _kind(right) or (kind != "Equals" and _kind(left) == "Boolean"):
        raise ExpressionError(
            f"condition {kind} cannot compare {left!r} of type {_kind(left)} with {right!r} of type {_kind(right)}"
        )
    return COMPARISONS[kind](left, right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    return "String" if isinstance(value, str) else type(value).__name__
