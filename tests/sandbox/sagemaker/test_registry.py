import datetime
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.sagemaker.artefacts import IMAGE
from tests.sandbox.sagemaker.conftest import Local

Refused = Callable[..., str]

SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bucket/good/model.tar.gz"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}
METRICS = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/e.json"}}}
GROUP_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/reviews-champion"
PACKAGE_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/reviews-champion"


def create_group(local: Local, name: str = "reviews-champion") -> None:
    local.sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="champions")


def register(local: Local, group: str = "reviews-champion", **members: Any) -> str:
    arn: str = local.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION, **members
    )["ModelPackageArn"]
    return arn


@pytest.mark.operation("CreateModelPackageGroup")
@pytest.mark.operation("DescribeModelPackageGroup")
def test_a_group_is_described_as_created(local: Local) -> None:
    create_group(local)
    described = local.sagemaker.describe_model_package_group(ModelPackageGroupName="reviews-champion")
    assert described["ModelPackageGroupArn"] == GROUP_ARN
    assert described["ModelPackageGroupDescription"] == "champions"
    assert described["ModelPackageGroupStatus"] == "Completed"
    assert local.sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP_ARN)["CreatedBy"] == {}


@pytest.mark.operation("CreateModelPackageGroup", error="ValidationException")
@pytest.mark.parametrize("name", ["reviews-champion", "no spaces", "x" * 64])
def test_a_group_is_refused(local: Local, refused: Refused, name: str) -> None:
    create_group(local)
    refused("ValidationException", local.sagemaker.create_model_package_group, ModelPackageGroupName=name)


@pytest.mark.operation("DescribeModelPackageGroup", error="ValidationException")
def test_an_unknown_group_is_refused(local: Local, refused: Refused) -> None:
    describe = local.sagemaker.describe_model_package_group
    message = refused("ValidationException", describe, ModelPackageGroupName="reviews-champion")
    assert message == f"ModelPackageGroup {GROUP_ARN} does not exist."


@pytest.mark.operation("ListModelPackageGroups")
def test_groups_are_listed_in_pages(local: Local) -> None:
    for name in ("reviews-champion", "reviews-challenger", "other"):
        create_group(local, name)
    pages = local.sagemaker.get_paginator("list_model_package_groups").paginate(
        NameContains="REVIEWS", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1}
    )
    names = [[g["ModelPackageGroupName"] for g in page["ModelPackageGroupSummaryList"]] for page in pages]
    assert names == [["reviews-challenger"], ["reviews-champion"]]


@pytest.mark.operation("ListModelPackageGroups", error="ValidationException")
def test_a_wrong_token_is_refused(local: Local, refused: Refused) -> None:
    refused("ValidationException", local.sagemaker.list_model_package_groups, NextToken="x")


@pytest.mark.operation("DeleteModelPackageGroup")
@pytest.mark.operation("DeleteModelPackageGroup", error="ConflictException")
def test_a_group_is_deleted_only_when_it_is_empty(local: Local, refused: Refused) -> None:
    create_group(local)
    arn = register(local)
    delete = local.sagemaker.delete_model_package_group
    refused("ConflictException", delete, ModelPackageGroupName="reviews-champion")
    local.sagemaker.delete_model_package(ModelPackageName=arn)
    delete(ModelPackageGroupName="reviews-champion")
    assert local.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


@pytest.mark.operation("CreateModelPackage")
@pytest.mark.operation("DescribeModelPackage")
def test_a_package_gets_a_version_and_waits_for_approval(local: Local) -> None:
    create_group(local)
    role = {"TestRole": "champion"}
    register(local, ModelMetrics=METRICS, CustomerMetadataProperties=role, SkipModelValidation="All")
    described = local.sagemaker.describe_model_package(ModelPackageName=f"{PACKAGE_ARN}/1")
    assert described["ModelPackageVersion"] == 1
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelMetrics"] == METRICS
    assert described["CustomerMetadataProperties"] == role
    assert described["InferenceSpecification"] == SPECIFICATION
    assert isinstance(described["CreationTime"], datetime.datetime)


@pytest.mark.operation("CreateModelPackage", error="ValidationException")
@pytest.mark.parametrize(
    "arguments",
    [
        {"ModelPackageGroupName": "unknown"},
        {},
        {"ModelPackageGroupName": "reviews-champion", "ModelPackageName": "both"},
        {"ModelPackageGroupName": "reviews-champion", "ModelApprovalStatus": "Perhaps"},
    ],
)
def test_a_package_is_refused(local: Local, refused: Refused, arguments: dict[str, Any]) -> None:
    create_group(local)
    refused("ValidationException", local.sagemaker.create_model_package, **arguments)


@pytest.mark.operation("CreateModelPackage", error="ConflictException")
def test_an_unversioned_package_has_no_approval_and_one_name(local: Local, refused: Refused) -> None:
    create = local.sagemaker.create_model_package
    create(ModelPackageName="alone", InferenceSpecification=SPECIFICATION)
    described = local.sagemaker.describe_model_package(ModelPackageName="alone")
    assert "ModelApprovalStatus" not in described and "ModelPackageVersion" not in described
    refused("ConflictException", create, ModelPackageName="alone")
    update = local.sagemaker.update_model_package
    arn = described["ModelPackageArn"]
    refused("ValidationException", update, ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_versions_are_never_used_again(local: Local) -> None:
    create_group(local)
    assert register(local) == f"{PACKAGE_ARN}/1"
    assert register(local) == f"{PACKAGE_ARN}/2"
    local.sagemaker.delete_model_package(ModelPackageName=f"{PACKAGE_ARN}/2")
    assert register(local) == f"{PACKAGE_ARN}/3"


def test_a_repeated_client_token_registers_once(local: Local) -> None:
    create_group(local)
    assert register(local, ClientToken="t") == register(local, ClientToken="t")


@pytest.mark.operation("DescribeModelPackage", error="ValidationException")
def test_an_unknown_package_is_refused(local: Local, refused: Refused) -> None:
    describe = local.sagemaker.describe_model_package
    message = refused("ValidationException", describe, ModelPackageName=f"{PACKAGE_ARN}/7")
    assert message == f"ModelPackage {PACKAGE_ARN}/7 does not exist."


@pytest.mark.operation("ListModelPackages")
def test_the_newest_approved_packages_come_first(local: Local) -> None:
    create_group(local)
    create_group(local, "reviews-challenger")
    register(local, "reviews-challenger", ModelApprovalStatus="Approved")
    for approval in ("Approved", "Rejected", "Approved", "Approved"):
        register(local, ModelApprovalStatus=approval)
    listed = local.sagemaker.list_model_packages(
        ModelPackageGroupName="reviews-champion", ModelApprovalStatus="Approved", SortBy="CreationTime", MaxResults=2
    )
    assert [p["ModelPackageVersion"] for p in listed["ModelPackageSummaryList"]] == [4, 3]
    following = local.sagemaker.list_model_packages(
        ModelPackageGroupName=GROUP_ARN, ModelApprovalStatus="Approved", MaxResults=2, NextToken=listed["NextToken"]
    )
    assert [p["ModelPackageVersion"] for p in following["ModelPackageSummaryList"]] == [1]
    assert "NextToken" not in following


def test_packages_are_filtered_by_kind_name_and_time(local: Local) -> None:
    create_group(local)
    register(local)
    local.sagemaker.create_model_package(ModelPackageName="alone", InferenceSpecification=SPECIFICATION)

    def count(**arguments: Any) -> int:
        return len(local.sagemaker.list_model_packages(**arguments)["ModelPackageSummaryList"])

    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert count() == 1
    assert count(ModelPackageType="Versioned") == 1
    assert count(ModelPackageType="Both") == 2
    assert count(ModelPackageType="Both", NameContains="champion") == 1
    assert count(ModelPackageType="Both", CreationTimeAfter=tomorrow) == 0
    assert count(ModelPackageType="Both", CreationTimeBefore=tomorrow) == 2


@pytest.mark.operation("ListModelPackages", error="ValidationException")
def test_a_wrong_filter_is_refused(local: Local, refused: Refused) -> None:
    refused("ValidationException", local.sagemaker.list_model_packages, ModelApprovalStatus="Perhaps")


@pytest.mark.operation("UpdateModelPackage")
def test_an_approval_is_kept_and_announced_once(local: Local) -> None:
    create_group(local)
    arn = register(local, CustomerMetadataProperties={"a": "1", "b": "2"})
    local.settle()
    for _ in range(2):
        local.sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved",
            ApprovalDescription="looks right",
            CustomerMetadataProperties={"c": "3"},
            CustomerMetadataPropertiesToRemove=["a"],
            AdditionalInferenceSpecificationsToAdd=[{"Name": "small", "Containers": [{"Image": IMAGE}]}],
        )
    described = local.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "looks right"
    assert described["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert len(local.settle()) == 1


@pytest.mark.operation("UpdateModelPackage", error="ValidationException")
def test_an_unknown_package_is_not_approved(local: Local, refused: Refused) -> None:
    update = local.sagemaker.update_model_package
    refused("ValidationException", update, ModelPackageArn=f"{PACKAGE_ARN}/1", ModelApprovalStatus="Approved")


@pytest.mark.operation("DeleteModelPackage")
@pytest.mark.operation("DeleteModelPackage", error="ValidationException")
def test_a_package_is_deleted_once(local: Local, refused: Refused) -> None:
    create_group(local)
    register(local)
    local.sagemaker.delete_model_package(ModelPackageName=f"{PACKAGE_ARN}/1")
    refused("ValidationException", local.sagemaker.delete_model_package, ModelPackageName=f"{PACKAGE_ARN}/1")


@pytest.mark.operation("BatchDescribeModelPackage")
def test_packages_are_described_together(local: Local) -> None:
    create_group(local)
    arn = register(local)
    described = local.sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, f"{PACKAGE_ARN}/9"])
    assert described["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert described["BatchDescribeModelPackageErrorMap"][f"{PACKAGE_ARN}/9"]["ErrorCode"] == "ValidationException"


@pytest.mark.operation("BatchDescribeModelPackage", error="ValidationException")
def test_too_many_packages_are_refused(local: Local, refused: Refused) -> None:
    describe = local.sagemaker.batch_describe_model_package
    refused("ValidationException", describe, ModelPackageArnList=[f"{PACKAGE_ARN}/{n}" for n in range(101)])
