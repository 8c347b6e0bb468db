import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from abtest.cli import pipeline
from abtest.cli.shown.aws import aws_errors
from abtest.cli.shown.output import UserError
from pipelines import definition, reviews, run
from pipelines.run import Outcome

STACK = {
    "BucketName": "reviews-dev-data",
    "PipelineName": "reviews-dev-pipeline",
    "PipelineRoleArn": "arn:aws:iam::000000000000:role/pipeline",
    "ModelExecutionRoleArn": "arn:aws:iam::000000000000:role/model",
    "ChampionGroupName": "reviews-champion",
    "ChallengerGroupName": "reviews-challenger",
}
ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/reviews-dev-pipeline/execution/abc123"


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(pipeline, "outputs", lambda _: STACK)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=STACK["BucketName"])
        yield


def invoke(*arguments: str) -> str:
    """Standard output of `abtest pipeline ARGUMENTS`; UserError passes through, and AWS's errors as main has them."""
    with aws_errors():
        return CliRunner().invoke(pipeline.app, arguments, catch_exceptions=False).stdout


def started_with() -> dict[str, str]:
    sagemaker = boto3.client("sagemaker")
    (execution,) = sagemaker.list_pipeline_executions(PipelineName=STACK["PipelineName"])["PipelineExecutionSummaries"]
    arn = execution["PipelineExecutionArn"]
    listed = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    return {parameter["Name"]: parameter["Value"] for parameter in listed}


def test_definition_prints_the_template_or_what_a_stage_has() -> None:
    assert json.loads(invoke("definition")) == definition.template()
    assert STACK["BucketName"] in invoke("definition", "--filled")


def test_upsert_prints_the_arn() -> None:
    assert invoke("upsert").strip().endswith("pipeline/reviews-dev-pipeline")
    assert json.loads(invoke("upsert", "--json"))["pipeline_arn"].endswith("pipeline/reviews-dev-pipeline")


def test_start_passes_parameters_on_and_prints_the_execution() -> None:
    invoke("upsert")
    printed = json.loads(invoke("start", "--param", "Seed=4", "--param", "AccuracyFloor=0.6", "--json"))
    assert printed["execution_arn"].startswith("arn:aws:sagemaker:")
    assert started_with() == {"Seed": "4", "AccuracyFloor": "0.6"}


def test_small_data_is_a_set_of_parameters_that_others_override() -> None:
    invoke("upsert")
    invoke("start", "--small-data", "--param", "TrafficFraction=0.3")
    assert started_with() == definition.SMALL_DATA_PARAMETERS | {"TrafficFraction": "0.3"}


def test_reviews_are_checked_uploaded_and_used(tmp_path: Path) -> None:
    invoke("upsert")
    sample = reviews.write_sample(tmp_path / "sample.tsv", rows=500)
    invoke("start", "--reviews", str(sample))
    uri = started_with()["ReviewsS3Uri"]
    assert run.fetch_reviews(uri, tmp_path / "back")[0].read_bytes() == sample.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--param", "Seed"), "--param must be NAME=VALUE, not 'Seed'"),
        (("--param", "Sead=1"), "the pipeline has no parameter 'Sead'"),
        (("--param", "Seed=one"), "Seed must be integer"),
        (("--reviews", "/no/such/file"), "there is no file /no/such/file"),
        (("--reviews", __file__), "column review_id is missing"),
        ((), "Could not find pipeline"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        invoke("start", *arguments)
    assert "\n" not in str(caught.value)


def ended(monkeypatch: pytest.MonkeyPatch, status: str, *failures: str) -> None:
    def wait(execution_arn: str, on_progress: Any) -> Outcome:
        on_progress("PrepareFeatures: Succeeded")
        return Outcome(execution_arn, status, failures, {"PrepareFeatures": "Succeeded"})

    monkeypatch.setattr(run, "wait", wait)
    monkeypatch.setattr(run, "start", lambda *_: ARN)


def test_waiting_prints_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended(monkeypatch, "Succeeded")
    assert invoke("start", "--wait") == f"Succeeded: {ARN}\n"
    printed = json.loads(invoke("start", "--wait", "--json"))
    assert printed == {
        "execution_arn": ARN,
        "status": "Succeeded",
        "failures": [],
        "steps": {"PrepareFeatures": "Succeeded"},
    }


@pytest.mark.parametrize(
    ("status", "failures", "message"),
    [
        (
            "Failed",
            ("The champion is not registered: its test accuracy 0.4 is under the floor 0.5",),
            "under the floor",
        ),
        ("Stopped", (), "the execution is stopped"),
    ],
)
def test_an_execution_that_did_not_succeed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, status: str, failures: tuple[str, ...], message: str
) -> None:
    ended(monkeypatch, status, *failures)
    with pytest.raises(UserError, match=message):
        invoke("start", "--wait")


def test_a_long_wait_says_which_steps_execute(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pipeline, "say", said.append)
    steps = pipeline.Steps()
    assert steps.executing() == "executing: no step yet"
    for change in ("PrepareFeatures: Executing", "PrepareFeatures: Succeeded", "TrainChampion: Executing"):
        steps(change)
    assert said[-1] == "TrainChampion: Executing"
    assert steps.executing() == "executing: TrainChampion for 0 s"
