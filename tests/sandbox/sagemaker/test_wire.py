import datetime
from typing import Any

import pytest

from abtest.sandbox.sagemaker import wire
from abtest.sandbox.sagemaker.errors import ServiceError


@pytest.mark.parametrize(
    ("operation", "request_", "said"),
    [
        ("DescribeModel", {}, 'Missing required parameter in input: "ModelName"'),
        ("DescribeModel", {"ModelName": 1}, "Invalid type for parameter ModelName"),
        ("DescribeModel", {"ModelName": "m", "Extra": 1}, 'Unknown parameter in input: "Extra"'),
        ("DescribeModel", {"ModelName": "x" * 64}, "less than or equal to 63"),
        ("DescribeModel", {"ModelName": "a b"}, "regular expression pattern"),
        ("ListModels", {"SortOrder": "Up"}, "enum value set: [Ascending, Descending]"),
        ("ListModels", {"MaxResults": 0}, "Invalid value for parameter MaxResults"),
        ("ListModels", {"MaxResults": 101}, "Member must have value less than or equal to 100"),
        ("DeleteTags", {"ResourceArn": "arn:aws:sagemaker:r:0:a", "TagKeys": ["k"] * 51}, "length less than or equal"),
    ],
)
def test_a_request_that_breaks_the_model_is_refused(operation: str, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError) as caught:
        wire.validate_request(operation, request_)
    assert caught.value.code == "ValidationException"
    assert said in caught.value.message


def test_every_broken_constraint_is_named() -> None:
    with pytest.raises(ServiceError, match=r"2 validation errors detected: .*'SortOrder'.*'MaxResults'"):
        wire.validate_request("ListModels", {"SortOrder": "Up", "MaxResults": 101})


def test_a_response_has_the_members_of_the_model_only() -> None:
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    shaped = wire.shape_response(
        "DescribeModel",
        {
            "ModelName": "m",
            "CreationTime": moment,
            "_private": 1,
            "ExecutionRoleArn": None,
            "PrimaryContainer": {"Image": "i", "Environment": {"A": "1"}, "_key": "k"},
        },
    )
    assert shaped == {
        "ModelName": "m",
        "CreationTime": moment.timestamp(),
        "PrimaryContainer": {"Image": "i", "Environment": {"A": "1"}},
    }
