import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipelines import definition, run
from pipelines.definition import DefinitionError
from pipelines.reviews import ReviewsError
from tests.pipelines.test_definition import OUTPUTS

BUCKET = OUTPUTS["BucketName"]
STACK = OUTPUTS | {"PipelineName": "reviews-dev-pipeline"}
ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/reviews-dev-pipeline/execution/abc123"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


def keys() -> list[str]:
    return [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_code_goes_under_the_hash_of_its_contents(account: None) -> None:
    assert run.upload_code(BUCKET) == definition.code_prefix()
    assert keys() == [f"{definition.code_prefix()}/pipelines/{path.name}" for path in definition.SCRIPTS]


def test_upsert_creates_and_then_updates(account: None) -> None:
    sagemaker = boto3.client("sagemaker")
    arn = run.upsert(STACK)
    assert arn.endswith(":pipeline/reviews-dev-pipeline")
    sagemaker.update_pipeline(PipelineName=STACK["PipelineName"], PipelineDefinition="{}")
    assert run.upsert(STACK) == arn
    found = sagemaker.describe_pipeline(PipelineName=STACK["PipelineName"])
    assert json.loads(found["PipelineDefinition"]) == json.loads(definition.fill(OUTPUTS, region="us-east-1"))
    assert found["RoleArn"] == OUTPUTS["PipelineRoleArn"]


def test_an_execution_starts_with_its_parameters(account: None) -> None:
    run.upsert(STACK)
    arn = run.start(STACK["PipelineName"], {"Seed": "4"})
    found = boto3.client("sagemaker").list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert found["PipelineParameters"] == [{"Name": "Seed", "Value": "4"}]
    with pytest.raises(DefinitionError, match="no parameter 'Sead'"):
        run.start(STACK["PipelineName"], {"Sead": "4"})


def test_reviews_go_to_a_folder_named_by_their_contents_and_come_back(account: None, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.tsv", "b.tsv")]
    for file in files:
        file.write_text(file.name)
    uri = run.upload_reviews(BUCKET, files)
    assert uri == run.upload_reviews(BUCKET, files) != run.upload_reviews(BUCKET, files[:1])
    fetched = run.fetch_reviews(uri, tmp_path / "fetched")
    assert [path.read_text() for path in fetched] == ["a.tsv", "b.tsv"]


def test_local_reviews_are_used_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").touch()
    assert run.fetch_reviews(str(tmp_path / "a.tsv"), tmp_path) == [tmp_path / "a.tsv"]


def test_a_prefix_is_fetched_without_markers_and_empty_objects(account: None, tmp_path: Path) -> None:
    for key in ("r/_SUCCESS", "r/part=1/a.parquet", "r/part=1/.a.parquet.crc", "r/empty.tsv"):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"" if "empty" in key else b"x")
    assert [path.name for path in run.fetch_reviews(f"s3://{BUCKET}/r/", tmp_path)] == ["0000-a.parquet"]


@pytest.mark.parametrize("source", [f"s3://{BUCKET}/none/", "s3://no-such-bucket/x"])
def test_reviews_that_are_not_in_s3_are_refused(account: None, tmp_path: Path, source: str) -> None:
    with pytest.raises(ReviewsError, match=f"there is no object at {source}"):
        run.fetch_reviews(source, tmp_path)


def step(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"StepName": name, "StepStatus": status, **more}


def fake_sagemaker(polls: list[tuple[str, list[dict[str, Any]]]]) -> SimpleNamespace:
    """A client whose execution goes through `polls`: (status, steps)."""
    left = iter(polls)
    current: dict[str, Any] = {}

    def describe_pipeline_execution(PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        status, current["steps"] = next(left)
        return {"PipelineExecutionArn": PipelineExecutionArn, "PipelineExecutionStatus": status}

    def paginate(**_: Any) -> list[dict[str, Any]]:
        return [{"PipelineExecutionSteps": [one]} for one in current["steps"]]

    return SimpleNamespace(
        describe_pipeline_execution=describe_pipeline_execution,
        get_paginator=lambda _: SimpleNamespace(paginate=paginate),
    )


def test_waiting_tells_each_change_once(monkeypatch: pytest.MonkeyPatch) -> None:
    polls = [
        ("Executing", [step("PrepareFeatures", "Executing")]),
        ("Executing", [step("PrepareFeatures", "Executing")]),
        ("Succeeded", [step("PrepareFeatures", "Succeeded"), step("TrainChampion", "Succeeded")]),
    ]
    monkeypatch.setattr(boto3, "client", lambda _: fake_sagemaker(polls))
    told: list[str] = []
    outcome = run.wait(ARN, told.append, poll_seconds=0)
    assert told == ["PrepareFeatures: Executing", "PrepareFeatures: Succeeded", "TrainChampion: Succeeded"]
    assert (outcome.status, outcome.failures, outcome.execution_id) == ("Succeeded", (), "abc123")


@pytest.mark.parametrize(
    ("steps", "reason", "failures"),
    [
        (
            [step("ChampionRefused", "Failed", Metadata={"Fail": {"ErrorMessage": "under the floor"}})],
            "Step failure",
            ("under the floor",),
        ),
        (
            [step("TrainChampion", "Failed", FailureReason="ClientError: no text"), step("X", "Succeeded")],
            "Step failure",
            ("step TrainChampion failed: ClientError: no text",),
        ),
        ([], "The role cannot be assumed", ("The role cannot be assumed",)),
    ],
)
def test_failures_say_why(steps: list[dict[str, Any]], reason: str, failures: tuple[str, ...]) -> None:
    execution = {"PipelineExecutionArn": ARN, "PipelineExecutionStatus": "Failed", "FailureReason": reason}
    assert run.outcome(execution, steps).failures == failures
