from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.sagemaker.artefacts import create_model
from tests.sandbox.sagemaker.conftest import Local

Refused = Callable[..., str]

UNKNOWN = "arn:aws:sagemaker:us-east-1:000000000000:model/unknown"


def tags_of(local: Local, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in local.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_list(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture
def arn(local: Local) -> str:
    created: str = local.sagemaker.create_model_package_group(
        ModelPackageGroupName="Group", Tags=as_list(stage="dev", owner="us")
    )["ModelPackageGroupArn"]
    return created


@pytest.mark.operation("AddTags")
@pytest.mark.operation("ListTags")
@pytest.mark.operation("DeleteTags")
def test_tags_are_added_replaced_listed_and_deleted(local: Local, arn: str) -> None:
    assert tags_of(local, arn) == {"stage": "dev", "owner": "us"}
    local.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(stage="prod", cost="1"))
    assert tags_of(local, arn) == {"stage": "prod", "owner": "us", "cost": "1"}
    local.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["owner", "unknown"])
    assert tags_of(local, arn) == {"stage": "prod", "cost": "1"}


def test_a_deleted_resource_leaves_no_tags(local: Local) -> None:
    create_model(local.sagemaker, "m", "s3://bucket/good/model.tar.gz")
    arn = local.sagemaker.describe_model(ModelName="m")["ModelArn"]
    local.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(a="1"))
    local.sagemaker.delete_model(ModelName="m")
    create_model(local.sagemaker, "m", "s3://bucket/good/model.tar.gz")
    assert tags_of(local, arn) == {}


@pytest.mark.operation("AddTags", error="ValidationException")
@pytest.mark.operation("ListTags", error="ValidationException")
@pytest.mark.operation("DeleteTags", error="ValidationException")
@pytest.mark.parametrize(
    ("method", "arguments"),
    [("add_tags", {"Tags": as_list(a="1")}), ("list_tags", {}), ("delete_tags", {"TagKeys": ["a"]})],
)
def test_an_unknown_resource_is_refused(local: Local, refused: Refused, method: str, arguments: Any) -> None:
    refused("ValidationException", getattr(local.sagemaker, method), ResourceArn=UNKNOWN, **arguments)


def test_a_resource_has_at_most_50_tags(local: Local, refused: Refused, arn: str) -> None:
    many = as_list(**{f"key{number}": "" for number in range(49)})
    assert "at most 50" in refused("ValidationException", local.sagemaker.add_tags, ResourceArn=arn, Tags=many)
    assert len(tags_of(local, arn)) == 2
