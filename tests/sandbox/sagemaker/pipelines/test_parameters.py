from typing import Any

import pytest

from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.pipelines.parameters import as_list, bind, declaration_problems
from tests.sandbox.sagemaker.pipelines.definitions import parameter

DECLARED = [
    parameter("Source", default="s3://bucket"),
    parameter("Votes", "Integer", 5),
    parameter("Floor", "Float", 0.5),
    parameter("Flag", "Boolean", False),
    parameter("Status", default="Pending", EnumValues=["Pending", "Approved"]),
]


def given(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_defaults_are_taken() -> None:
    assert bind(DECLARED, []) == {
        "Source": "s3://bucket",
        "Votes": 5,
        "Floor": 0.5,
        "Flag": False,
        "Status": "Pending",
    }


def test_text_is_converted_to_the_declared_type() -> None:
    bound = bind(DECLARED, given(Votes="7", Floor="0.25", Flag="True", Status="Approved", Source="12"))
    assert bound == {"Source": "12", "Votes": 7, "Floor": 0.25, "Flag": True, "Status": "Approved"}
    assert {"Name": "Flag", "Value": "true"} in as_list(bound)
    assert {"Name": "Floor", "Value": "0.25"} in as_list(bound)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Vote": "7"}, "Unknown parameter 'Vote'. The pipeline's parameters: Source, Votes, Floor, Flag, Status."),
        ({"Votes": "7.5"}, "Unexpected type for parameter 'Votes'. Expected Integer but found '7.5'."),
        ({"Floor": "high"}, "Unexpected type for parameter 'Floor'. Expected Float but found 'high'."),
        ({"Floor": "nan"}, "Unexpected type for parameter 'Floor'. Expected Float but found 'nan'."),
        ({"Flag": "1"}, "Unexpected type for parameter 'Flag'. Expected Boolean but found '1'."),
        ({"Status": "Rejected"}, "Value 'Rejected' of parameter 'Status' is none of Pending, Approved."),
        ({"Source": ""}, "Parameter 'Source': string \"\" is too short (length: 0, required minimum: 1)."),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, str], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        bind(DECLARED, given(**values))
    assert (caught.value.code, caught.value.message) == ("ValidationException", message)


def test_a_parameter_without_a_default_must_be_given() -> None:
    with pytest.raises(ServiceError, match="Parameter 'Source' is undefined"):
        bind([parameter("Source")], [])
    assert bind([parameter("Source")], given(Source="a")) == {"Source": "a"}


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ServiceError, match="more than once"):
        bind(DECLARED, given(Votes="1") + given(Votes="2"))


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({}, "A parameter is wrong: Name is missing"),
        (parameter("A", "Number"), "Parameter 'A' has type 'Number'"),
        (parameter("A", "Integer", "5"), "The default of parameter 'A', '5', is not of type Integer"),
        (parameter("A", "Integer", True), "The default of parameter 'A', True, is not of type Integer"),
        (parameter("A", default="x", EnumValues=["y"]), "The default of parameter 'A', 'x', is none of its EnumValues"),
    ],
)
def test_a_wrong_declaration(declaration: Any, message: str) -> None:
    assert [problem.startswith(message) for problem in declaration_problems(declaration)] == [True]


def test_an_integer_is_a_good_default_of_a_float() -> None:
    assert declaration_problems(parameter("A", "Float", 1)) == []
