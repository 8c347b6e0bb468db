"""The model registry: packages of the champion's and the challengers' groups, and which of them to serve."""

import functools
from typing import Any

import boto3

from abtest.adapters.missing import described
from abtest.experiment.record.selection import APPROVED, Package, _age


@functools.cache
def client() -> Any:
    return boto3.client("sagemaker")


def packages(group_name: str, *, status: str | None = None) -> list[Package]:
    """The completed packages of a group, newest first; only those of approval `status`, if given."""
    request = {"ModelPackageGroupName": group_name, "SortBy": "CreationTime", "SortOrder": "Descending"}
    if status:
        request["ModelApprovalStatus"] = status
    pages = client().get_paginator("list_model_packages").paginate(**request)
    found = [_package(item) for page in pages for item in page["ModelPackageSummaryList"]]
    return sorted((p for p in found if p is not None), key=_age, reverse=True)


def _package(summary: dict[str, Any]) -> Package | None:
    """None for a package that is still being made, or whose making failed."""
    if summary.get("ModelPackageStatus", "Completed") != "Completed":
        return None
    return Package(
        arn=summary["ModelPackageArn"],
        group_name=summary["ModelPackageGroupName"],
        version=summary["ModelPackageVersion"],
        status=summary.get("ModelApprovalStatus", APPROVED),
        created_at=summary["CreationTime"],
    )


def describe(arn: str) -> dict[str, Any]:
    """All that the registry knows of a package."""
    description: dict[str, Any] = client().describe_model_package(ModelPackageName=arn)
    return description


def found(arn: str) -> dict[str, Any] | None:
    """What `describe` tells; None if the package is deleted."""
    return described(client().describe_model_package, ModelPackageName=arn)


def register(request: dict[str, Any]) -> str:
    """The ARN of a new package; `request` is as CreateModelPackage takes it."""
    arn: str = client().create_model_package(**request)["ModelPackageArn"]
    return arn


def set_status(arn: str, status: str, note: str) -> None:
    """Approves or rejects a package; SageMaker answers with an event, which starts build-endpoint."""
    client().update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=note)
