from typing import Any

import pytest

from abtest.sandbox.sagemaker.pipelines.conditions import every, holds, problems
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError
from tests.sandbox.sagemaker.pipelines.definitions import compare

TRUE, FALSE = compare("Equals", "a", "a"), compare("Equals", "a", "b")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (compare("Equals", 1, 1.0), True),
        (compare("Equals", "a", "b"), False),
        (compare("Equals", True, True), True),
        (compare("GreaterThan", 2, 1), True),
        (compare("GreaterThan", 1, 1), False),
        (compare("GreaterThanOrEqualTo", 1, 1), True),
        (compare("GreaterThanOrEqualTo", 0.9, 1), False),
        (compare("LessThan", 1, 2), True),
        (compare("LessThan", 1, 1), False),
        (compare("LessThanOrEqualTo", 1, 1), True),
        (compare("LessThanOrEqualTo", 1.1, 1), False),
        ({"Type": "In", "QueryValue": "a", "Values": ["b", "a"]}, True),
        ({"Type": "In", "QueryValue": "1", "Values": [1, 2]}, False),
        ({"Type": "In", "QueryValue": 1, "Values": [True]}, False),
        ({"Type": "Not", "Condition": TRUE}, False),
        ({"Type": "Not", "Condition": {"Type": "Not", "Condition": TRUE}}, True),
        ({"Type": "Or", "Conditions": [FALSE, TRUE]}, True),
        ({"Type": "Or", "Conditions": [FALSE, FALSE]}, False),
        ({"Type": "Or", "Conditions": []}, False),
    ],
)
def test_each_type_of_condition(condition: dict[str, Any], expected: bool) -> None:
    assert problems(condition) == []
    assert holds(condition) is expected


@pytest.mark.parametrize(("conditions", "expected"), [([], True), ([TRUE, TRUE], True), ([TRUE, FALSE], False)])
def test_all_conditions_of_a_step_must_hold(conditions: list[Any], expected: bool) -> None:
    assert every(conditions) is expected


@pytest.mark.parametrize(("left", "right"), [("1", 1), (True, 1), (None, 1), ([1], 1), (True, False)], ids=str)
def test_values_of_different_types_are_not_compared(left: Any, right: Any) -> None:
    with pytest.raises(ExpressionError, match="cannot compare"):
        holds(compare("GreaterThan", left, right))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({}, "a condition is wrong: Type is missing"),
        ("text", "a condition is wrong: Expecting start of Json Object"),
        ({"Type": "In", "Values": "abc"}, "a condition is wrong: Values must be a list"),
        ({"Type": "Between"}, "'Between' is not a type of condition"),
        ({"Type": "Equals", "LeftValue": 1}, "a condition of type Equals needs RightValue"),
        ({"Type": "In", "Values": [1]}, "a condition of type In needs QueryValue"),
        ({"Type": "Not"}, "a condition of type Not needs Condition"),
        ({"Type": "Or"}, "a condition of type Or needs Conditions"),
        ({"Type": "Not", "Condition": {"Type": "Xor"}}, "'Xor' is not a type of condition"),
        ({"Type": "Or", "Conditions": [TRUE, {"Type": "Xor"}]}, "'Xor' is not a type of condition"),
    ],
)
def test_a_condition_of_the_wrong_form(condition: Any, message: str) -> None:
    assert problems(condition) == [message]
