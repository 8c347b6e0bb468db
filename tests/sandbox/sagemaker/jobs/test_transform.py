"""Batch transform jobs through boto3: the answers of a trained model, one line for each input line."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.sagemaker.artefacts import GOOD, XGBOOST_IMAGE, booster_json, model_tar, packed
from tests.sandbox.sagemaker.jobs.requests import (
    BLAZINGTEXT_IMAGE,
    BUCKET,
    ROLE,
    ended,
    json_lines,
    keys,
    read,
    transform,
)

pytestmark = pytest.mark.slow

Refused = Callable[..., tuple[str, str]]

TEXTS = ["long and detailed", "bad", "detailed and honest"]
BAD = "__label__NotHelpful"


@pytest.fixture(scope="module")
def model(sagemaker: Any, s3: Any) -> str:
    s3.put_object(Bucket=BUCKET, Key="transform/model.tar.gz", Body=model_tar())
    container = {"Image": BLAZINGTEXT_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/transform/model.tar.gz"}
    sagemaker.create_model(ModelName="transform-model", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    return "transform-model"


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
@pytest.mark.operation("CreateTransformJob")
@pytest.mark.operation("DescribeTransformJob")
def test_each_line_is_answered_in_order(sagemaker: Any, s3: Any, model: str, strategy: str) -> None:
    name = f"lines-{strategy}"
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in/test.jsonl", Body=json_lines(*TEXTS))
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in/deep/more.jsonl", Body=json_lines("bad"))
    sagemaker.create_transform_job(**transform(name, model, BatchStrategy=strategy))
    job = ended(sagemaker, "transform_job", name)
    assert job["TransformJobStatus"] == "Completed", job
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert keys(s3, f"{name}/out/") == [f"{name}/out/deep/more.jsonl.out", f"{name}/out/test.jsonl.out"]
    answers = [json.loads(line) for line in read(s3, f"{name}/out/test.jsonl.out").splitlines()]
    assert [answer["label"] for answer in answers] == [[GOOD], [BAD], [GOOD]]


def test_xgboost_scores_a_row_on_each_line(sagemaker: Any, s3: Any) -> None:
    artefact = packed("xgboost-model.json", booster_json())
    s3.put_object(Bucket=BUCKET, Key="boosted/model.tar.gz", Body=artefact)
    s3.put_object(Bucket=BUCKET, Key="boosted/in/test.csv", Body="1,0\n-1,0\n1,1\n")
    container = {"Image": XGBOOST_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/boosted/model.tar.gz"}
    sagemaker.create_model(ModelName="boosted", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    request = transform("boosted", "boosted")
    request["TransformInput"]["ContentType"] = "text/csv"
    del request["TransformOutput"]["Accept"]
    sagemaker.create_transform_job(**request)
    assert ended(sagemaker, "transform_job", "boosted")["TransformJobStatus"] == "Completed"
    scores = [float(line) for line in read(s3, "boosted/out/test.csv.out").splitlines()]
    assert scores[1] < 0.5 < scores[0] == scores[2]


def test_a_wrong_record_fails_the_job_and_costs_its_file(sagemaker: Any, s3: Any, model: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="wrong/in/good.jsonl", Body=json_lines(*TEXTS))
    s3.put_object(Bucket=BUCKET, Key="wrong/in/test.jsonl", Body='{"text": "no source"}\n')
    sagemaker.create_transform_job(**transform("wrong", model))
    job = ended(sagemaker, "transform_job", "wrong")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith('ClientError: 400: Each line of the request needs "source", a string')
    assert "test.jsonl" in job["FailureReason"]
    assert keys(s3, "wrong/out/") == ["wrong/out/good.jsonl.out"]


def flipped(content: bytes) -> bytes:
    """With a hundred bytes of its middle inverted."""
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 100]) + content[middle + 100 :]


@pytest.mark.parametrize(
    ("name", "artefact", "reason"),
    [
        ("no-archive", lambda: b"no archive", "no tar archive"),
        ("cut-off", lambda: model_tar()[:-200], "no tar archive"),
        ("flipped", lambda: flipped(model_tar()), "no tar archive"),
        ("no-model", lambda: packed("readme.txt", b"nothing"), "model.bin"),
        ("no-fasttext", lambda: packed("model.bin", b"nothing"), "model"),
    ],
)
def test_a_corrupt_artefact_fails_the_job_and_is_named(
    sagemaker: Any, s3: Any, name: str, artefact: Callable[[], bytes], reason: str
) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=artefact())
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in/test.jsonl", Body=json_lines("bad"))
    container = {"Image": BLAZINGTEXT_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    sagemaker.create_transform_job(**transform(name, name))
    job = ended(sagemaker, "transform_job", name)
    assert job["TransformJobStatus"] == "Failed"
    assert reason in job["FailureReason"], job["FailureReason"]
    assert "InternalServerError" not in job["FailureReason"]
    assert keys(s3, f"{name}/out/") == []


@pytest.mark.operation("StopTransformJob")
def test_a_transform_is_stopped(sagemaker: Any, s3: Any, model: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="stopped-transform/in/test.jsonl", Body=json_lines("bad") * 1000)
    sagemaker.create_transform_job(**transform("stopped-transform", model))
    sagemaker.stop_transform_job(TransformJobName="stopped-transform")
    assert ended(sagemaker, "transform_job", "stopped-transform")["TransformJobStatus"] == "Stopped"
    assert keys(s3, "stopped-transform/out/") == []


@pytest.mark.operation("CreateTransformJob", error="ResourceInUse")
@pytest.mark.operation("ListTransformJobs")
def test_a_name_is_used_once(sagemaker: Any, s3: Any, model: str, error: Refused) -> None:
    s3.put_object(Bucket=BUCKET, Key="unique-transform/in/test.jsonl", Body=json_lines("bad"))
    sagemaker.create_transform_job(**transform("unique-transform", model))
    assert error(sagemaker.create_transform_job, **transform("unique-transform", model))[0] == "ResourceInUse"
    ended(sagemaker, "transform_job", "unique-transform")
    found = sagemaker.list_transform_jobs(NameContains="unique-", StatusEquals="Completed")["TransformJobSummaries"]
    assert [job["TransformJobName"] for job in found] == ["unique-transform"]


@pytest.mark.operation("ListTransformJobs", error="ValidationException")
def test_a_token_that_nobody_gave_is_refused(sagemaker: Any, error: Refused) -> None:
    assert error(sagemaker.list_transform_jobs, NextToken="x")[0] == "ValidationException"


@pytest.mark.operation("CreateTransformJob", error="ValidationException")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ModelName": "nobody"}, "Could not find model"),
        ({"DataProcessing": {"JoinSource": "Input"}}, "does not implement DataProcessing"),
    ],
)
def test_what_the_sandbox_lacks_is_refused(
    sagemaker: Any, model: str, error: Refused, change: dict[str, Any], message: str
) -> None:
    code, text = error(sagemaker.create_transform_job, **transform("refused", model) | change)
    assert code == "ValidationException"
    assert message in text


@pytest.mark.operation("DescribeTransformJob", error="ResourceNotFound")
@pytest.mark.operation("StopTransformJob", error="ResourceNotFound")
def test_an_unknown_job_is_not_found(sagemaker: Any, error: Refused) -> None:
    for call in (sagemaker.describe_transform_job, sagemaker.stop_transform_job):
        assert error(call, TransformJobName="nobody")[0] == "ResourceNotFound"
