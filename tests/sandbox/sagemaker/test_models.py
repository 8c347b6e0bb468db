from collections.abc import Callable
from typing import Any

import pytest

from abtest.sandbox.sagemaker import models
from tests.sandbox.sagemaker.artefacts import IMAGE, ROLE, create_model
from tests.sandbox.sagemaker.conftest import Local

Refused = Callable[..., str]

URL = "s3://bucket/good/model.tar.gz"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model/champion1"


def register(local: Local, **members: Any) -> str:
    """The ARN of a model package in a group of its own."""
    local.sagemaker.create_model_package_group(ModelPackageGroupName="reviews-champion")
    arn: str = local.sagemaker.create_model_package(
        ModelPackageGroupName="reviews-champion",
        InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataUrl": URL}]},
        **members,
    )["ModelPackageArn"]
    return arn


@pytest.mark.operation("CreateModel")
@pytest.mark.operation("DescribeModel")
def test_a_model_is_described_as_created(local: Local) -> None:
    create_model(local.sagemaker, "Champion1", URL)
    described = local.sagemaker.describe_model(ModelName="Champion1")
    assert described["ModelArn"] == ARN
    assert described["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": URL}
    assert described["ExecutionRoleArn"] == ROLE
    assert described["EnableNetworkIsolation"] is False


def test_a_model_of_an_approved_package_runs_its_container(local: Local) -> None:
    arn = register(local, ModelApprovalStatus="Approved")
    local.sagemaker.create_model(ModelName="m", Containers=[{"ModelPackageName": arn, "Environment": {"A": "1"}}])
    local.sagemaker.delete_model_package(ModelPackageName=arn)
    assert models.container("m") == {"Image": IMAGE, "ModelDataUrl": URL, "Environment": {"A": "1"}}


def test_a_model_data_source_is_an_artefact_too(local: Local) -> None:
    source = {"S3Uri": URL, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    local.sagemaker.create_model(ModelName="m", PrimaryContainer=container)
    assert models.container("m")["ModelDataUrl"] == URL


@pytest.mark.operation("CreateModel", error="ValidationException")
@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_package_without_approval_is_refused(local: Local, refused: Refused, status: str) -> None:
    container = {"ModelPackageName": register(local, ModelApprovalStatus=status)}
    create = local.sagemaker.create_model
    assert status in refused("ValidationException", create, ModelName="m", PrimaryContainer=container)


@pytest.mark.operation("CreateModel", error="ValidationException")
@pytest.mark.parametrize(
    "arguments",
    [
        {"ModelName": "m"},
        {"ModelName": "m", "PrimaryContainer": {}},
        {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]},
        {"ModelName": "m", "Containers": [{"Image": IMAGE}, {"Image": IMAGE}]},
        {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": "reviews-champion/1"}},
        {"ModelName": "no spaces", "PrimaryContainer": {"Image": IMAGE}},
        {"ModelName": "champion1", "PrimaryContainer": {"Image": IMAGE}},
    ],
)
def test_a_model_is_refused(local: Local, refused: Refused, arguments: dict[str, Any]) -> None:
    create_model(local.sagemaker, "champion1", URL)
    refused("ValidationException", local.sagemaker.create_model, **arguments)


def test_a_package_without_a_container_is_refused(local: Local, refused: Refused) -> None:
    arn = register(local, ModelApprovalStatus="Approved")
    container = {"ModelPackageName": arn, "InferenceSpecificationName": "other"}
    message = refused("ValidationException", local.sagemaker.create_model, ModelName="m", PrimaryContainer=container)
    assert message == f"ModelPackage {arn} has no inference specification named other."


@pytest.mark.operation("DescribeModel", error="ValidationException")
def test_an_unknown_model_is_refused(local: Local, refused: Refused) -> None:
    message = refused("ValidationException", local.sagemaker.describe_model, ModelName="Champion1")
    assert message == f'Could not find model "{ARN}".'


@pytest.mark.operation("ListModels")
def test_models_are_listed(local: Local) -> None:
    for name in ("b", "a", "c"):
        create_model(local.sagemaker, name, URL)
    listed = local.sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    assert [model["ModelName"] for model in listed["Models"]] == ["a", "b"]
    assert [m["ModelName"] for m in local.sagemaker.list_models(NameContains="c")["Models"]] == ["c"]


@pytest.mark.operation("ListModels", error="ValidationException")
def test_a_page_is_refused(local: Local, refused: Refused) -> None:
    refused("ValidationException", local.sagemaker.list_models, MaxResults=101)


@pytest.mark.operation("DeleteModel")
@pytest.mark.operation("DeleteModel", error="ValidationException")
def test_a_model_is_deleted_once(local: Local, refused: Refused) -> None:
    create_model(local.sagemaker, "m", URL)
    local.sagemaker.delete_model(ModelName="m")
    refused("ValidationException", local.sagemaker.delete_model, ModelName="m")
