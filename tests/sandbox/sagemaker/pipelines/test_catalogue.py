import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.sagemaker.conftest import Local
from tests.sandbox.sagemaker.pipelines.conftest import Jobs, Pipelines
from tests.sandbox.sagemaker.pipelines.definitions import ROLE, processing, text

Refused = Callable[..., str]

ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/reviews"
TOKEN = "t" * 32
LIMIT = {"MaxParallelExecutionSteps": 2}


@pytest.mark.operation("CreatePipeline")
@pytest.mark.operation("DescribePipeline")
def test_a_pipeline_is_described_as_created(pipelines: Pipelines) -> None:
    tags = [{"Key": "project", "Value": "reviews"}]
    arn = pipelines.create(
        processing("A"), name="Reviews", PipelineDescription="helpful?", ParallelismConfiguration=LIMIT, Tags=tags
    )
    described = pipelines.client.describe_pipeline(PipelineName="Reviews")
    assert arn == described["PipelineArn"] == ARN
    assert (described["PipelineName"], described["PipelineDisplayName"]) == ("Reviews", "Reviews")
    assert json.loads(described["PipelineDefinition"])["Steps"][0]["Name"] == "A"
    assert (described["PipelineStatus"], described["RoleArn"]) == ("Active", ROLE)
    assert (described["PipelineDescription"], described["ParallelismConfiguration"]) == ("helpful?", LIMIT)
    assert described["CreationTime"] == described["LastModifiedTime"]
    assert "LastRunTime" not in described
    assert pipelines.client.describe_pipeline(PipelineName=ARN)["PipelineName"] == "Reviews"
    assert pipelines.client.list_tags(ResourceArn=arn)["Tags"] == tags


@pytest.mark.operation("CreatePipeline", error="ValidationException")
def test_a_name_is_taken_once_whatever_its_case(local: Local, pipelines: Pipelines, refused: Refused) -> None:
    pipelines.create(processing("A"), ClientRequestToken=TOKEN)
    again = {"PipelineName": "REVIEWS", "PipelineDefinition": text(processing("A")), "RoleArn": ROLE}
    message = refused("ValidationException", local.sagemaker.create_pipeline, **again)
    assert "Pipeline names must be unique within an AWS account and region" in message
    repeated = local.sagemaker.create_pipeline(**again, ClientRequestToken=TOKEN)
    assert repeated["PipelineArn"] == ARN


def test_a_definition_may_come_from_s3(local: Local, objects: dict[str, Any], refused: Refused) -> None:
    objects["s3://bucket/definition.json"] = text(processing("A")).encode()
    request: dict[str, Any] = {"PipelineName": "reviews", "RoleArn": ROLE}
    location = {"Bucket": "bucket", "ObjectKey": "definition.json"}
    create = local.sagemaker.create_pipeline
    for wrong, message in (
        ({}, "One of PipelineDefinition and PipelineDefinitionS3Location is required."),
        ({"PipelineDefinitionS3Location": location, "PipelineDefinition": "{}"}, "Only one of"),
        ({"PipelineDefinitionS3Location": location | {"ObjectKey": "none"}}, "s3://bucket/none cannot be read"),
        ({"PipelineDefinition": "{}"}, "Unable to parse pipeline definition."),
    ):
        assert message in refused("ValidationException", create, **request, **wrong)
    create(**request, PipelineDefinitionS3Location=location)
    described = local.sagemaker.describe_pipeline(PipelineName="reviews")
    assert json.loads(described["PipelineDefinition"])["Steps"][0]["Name"] == "A"


@pytest.mark.operation("DescribePipeline", error="ResourceNotFound")
def test_an_unknown_pipeline_is_not_described(local: Local, refused: Refused) -> None:
    message = refused("ResourceNotFound", local.sagemaker.describe_pipeline, PipelineName="reviews")
    assert message == f"Pipeline '{ARN}' does not exist."


@pytest.mark.operation("UpdatePipeline")
def test_an_update_leaves_running_executions_as_they_are(pipelines: Pipelines, jobs: Jobs) -> None:
    pipelines.create(processing("Old"), PipelineDescription="kept")
    arn = pipelines.start()
    updated = pipelines.client.update_pipeline(PipelineName="reviews", PipelineDefinition=text(processing("New")))
    assert updated == updated | {"PipelineArn": ARN, "PipelineVersionId": 2}
    jobs.end("Old")
    assert pipelines.finished(arn)["PipelineVersionId"] == 1
    jobs.automatic = True
    assert list(pipelines.steps(arn)) == ["Old"]
    later = pipelines.start()
    assert pipelines.finished(later)["PipelineVersionId"] == 2
    assert list(pipelines.steps(later)) == ["New"]
    assert pipelines.client.describe_pipeline(PipelineName="reviews")["PipelineDescription"] == "kept"


@pytest.mark.operation("UpdatePipeline", error="ResourceNotFound")
@pytest.mark.operation("UpdatePipeline", error="ValidationException")
def test_a_bad_update_changes_nothing(local: Local, pipelines: Pipelines, refused: Refused) -> None:
    refused("ResourceNotFound", local.sagemaker.update_pipeline, PipelineName="reviews")
    pipelines.create(processing("Old"))
    refused("ValidationException", local.sagemaker.update_pipeline, PipelineName="reviews", PipelineDefinition="{}")
    assert "Old" in local.sagemaker.describe_pipeline(PipelineName="reviews")["PipelineDefinition"]


@pytest.mark.operation("ListPipelines")
def test_pipelines_are_listed_in_pages(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    for name in ("reviews-a", "reviews-b", "other"):
        pipelines.create(processing("A"), name=name)
    pipelines.finished(pipelines.start("reviews-b"))
    ordered = {"SortBy": "Name", "SortOrder": "Ascending"}
    first = pipelines.client.list_pipelines(MaxResults=2, **ordered)
    second = pipelines.client.list_pipelines(MaxResults=2, NextToken=first["NextToken"], **ordered)
    listed = first["PipelineSummaries"] + second["PipelineSummaries"]
    assert [p["PipelineName"] for p in listed] == ["other", "reviews-a", "reviews-b"]
    assert ["LastExecutionTime" in p for p in listed] == [False, False, True]
    assert "NextToken" not in second
    found = pipelines.client.list_pipelines(PipelineNamePrefix="Reviews", **ordered)["PipelineSummaries"]
    assert [p["PipelineName"] for p in found] == ["reviews-a", "reviews-b"]
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert pipelines.client.list_pipelines(CreatedAfter=tomorrow)["PipelineSummaries"] == []
    assert len(pipelines.client.list_pipelines(CreatedBefore=tomorrow)["PipelineSummaries"]) == 3


@pytest.mark.operation("ListPipelines", error="ValidationException")
def test_a_wrong_page_is_refused(local: Local, refused: Refused) -> None:
    refused("ValidationException", local.sagemaker.list_pipelines, NextToken="nonsense")


@pytest.mark.operation("DeletePipeline")
def test_a_deleted_pipeline_takes_its_executions_along(pipelines: Pipelines, jobs: Jobs, refused: Refused) -> None:
    jobs.automatic = True
    arn = pipelines.run(processing("A"))
    pipelines.finished(arn)
    assert pipelines.client.delete_pipeline(PipelineName="reviews")["PipelineArn"] == ARN
    refused("ResourceNotFound", pipelines.client.describe_pipeline, PipelineName="reviews")
    refused("ResourceNotFound", pipelines.client.describe_pipeline_execution, PipelineExecutionArn=arn)
    assert pipelines.create(processing("A")) == ARN


@pytest.mark.operation("DeletePipeline", error="ConflictException")
@pytest.mark.operation("DeletePipeline", error="ResourceNotFound")
def test_a_pipeline_that_runs_is_not_deleted(pipelines: Pipelines, jobs: Jobs, refused: Refused) -> None:
    refused("ResourceNotFound", pipelines.client.delete_pipeline, PipelineName="reviews")
    arn = pipelines.run(processing("A"))
    assert "stop them first" in refused("ConflictException", pipelines.client.delete_pipeline, PipelineName="reviews")
    jobs.end("A")
    pipelines.finished(arn)
    pipelines.client.delete_pipeline(PipelineName="reviews")
