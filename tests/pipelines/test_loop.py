"""The pipeline from reviews to registered models, in the sandbox."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abtest.adapters import artefacts, lineage, registry
from abtest.cli.shown import model_card
from pipelines import reviews, run
from pipelines.definition import BUILT_COMMIT, SMALL_DATA_PARAMETERS
from tests.conftest import Sandbox

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BUCKET = "reviews-loop-data"
STACK = {
    "BucketName": BUCKET,
    "PipelineName": "reviews-loop-pipeline",
    "PipelineRoleArn": "arn:aws:iam::000000000000:role/pipeline",
    "ModelExecutionRoleArn": "arn:aws:iam::000000000000:role/model",
    "ChampionGroupName": "reviews-loop-champion",
    "ChallengerGroupName": "reviews-loop-challenger",
}

# The SDK as a user of it would call it, with nothing but the environment saying where.
WITH_SDK = """
import json, sys
from pipelines.definition import values
from pipelines.pipeline import build, context_of
stack, parameters = json.loads(sys.argv[1])
pipeline = build(context_of(values(stack, region="us-east-1"), "us-east-1"), stack["PipelineName"])
pipeline.upsert(role_arn=stack["PipelineRoleArn"])
execution = pipeline.start(parameters=parameters)
execution.wait(delay=1, max_attempts=120)
print(json.dumps({step["StepName"]: step["StepStatus"] for step in execution.list_steps()}))
"""


@pytest.fixture(scope="module")
def target(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox with bucket, groups, pipeline and a sample of reviews, whose URI it yields."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.env.items():
            patch.setenv(name, value)
        patch.setenv(BUILT_COMMIT, "c0ffee")
        sandbox.client("s3").create_bucket(Bucket=BUCKET)
        for group in (STACK["ChampionGroupName"], STACK["ChallengerGroupName"]):
            sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
        run.upsert(STACK)
        sample = reviews.write_sample(tmp_path_factory.mktemp("reviews") / "sample.tsv", rows=2000)
        yield run.upload_reviews(BUCKET, [sample])
    registry.client.cache_clear()
    artefacts.client.cache_clear()


def test_champion_and_challenger_are_registered_with_what_they_scored(sandbox: Sandbox, target: str) -> None:
    told: list[str] = []
    outcome = run.wait(run.start(STACK["PipelineName"], SMALL_DATA_PARAMETERS | {"ReviewsS3Uri": target}), told.append)
    assert (outcome.status, outcome.failures) == ("Succeeded", ())
    assert "RegisterChallenger: Succeeded" in told
    sagemaker, created = sandbox.client("sagemaker"), []
    for role in ("champion", "challenger"):
        listed = sagemaker.list_model_packages(ModelPackageGroupName=f"reviews-loop-{role}", SortOrder="Descending")
        summary = listed["ModelPackageSummaryList"][0]
        package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        created.append(package["CreationTime"])
        assert package["ModelApprovalStatus"] == "PendingManualApproval"
        properties = package["CustomerMetadataProperties"]
        assert (properties["TestRole"], properties["ExecutionId"]) == (role, outcome.execution_id)
        bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix("s3://").split("/", 1)
        report = json.load(sandbox.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
        accuracy = report["binary_classification_metrics"]["accuracy"]["value"]
        assert float(properties["TestAccuracy"]) == pytest.approx(accuracy)
        card_uri = package["ModelMetrics"]["ModelDataQuality"]["Statistics"]["S3Uri"]
        card = json.load(sandbox.client("s3").get_object(Bucket=BUCKET, Key=card_uri.split("/", 3)[3])["Body"])
        assert (card["source"], card["rows_read"]) == (target, 2000)
        assert 0.52 < accuracy < 0.9  # the sample's single words tell less than its word pairs
        assert ("comparison" in report) == (role == "challenger")
        comes_from_a_job_and_a_search(package, role)
    assert created[0] < created[1]


def comes_from_a_job_and_a_search(package: dict[str, Any], role: str) -> None:
    """What `abtest models show` and `abtest models trials` tell."""
    registry.client.cache_clear()
    artefacts.client.cache_clear()
    job = lineage.training_job(package)
    assert job is not None
    assert package["MetadataProperties"] == {"CommitId": "c0ffee", "GeneratedBy": job["TrainingJobArn"]}
    assert job["HyperParameters"]["early_stopping"] == "True"
    card = lineage.data_card(package)
    assert card is not None
    assert card["rows_read"] == 2000
    search = lineage.search(job)
    if role == "champion":
        assert search is None
        return
    assert search is not None
    assert (search.strategy, len(search.trials)) == ("Bayesian", 9)
    assert search.trials[0].training_job_name == job["TrainingJobName"]
    assert search.trials[0].hyperparameters.items() < job["HyperParameters"].items()
    told = dict(model_card.lines(model_card.details(package)))
    assert told["against champion"].split(":")[0] in ("better", "tie")
    assert told["code_version"] == "c0ffee"


def trained(sandbox: Sandbox, execution_arn: str) -> tuple[list[str], list[Any]]:
    """SHA-256 of both models' `model.bin`, and the hyperparameters of every trial, best first."""
    sagemaker, s3 = sandbox.client("sagemaker"), sandbox.client("s3")
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)["PipelineExecutionSteps"]
    made = {step["StepName"]: step["Metadata"] for step in listed}
    digests = []
    for role in ("Champion", "Challenger"):
        arn = made[f"Create{role}"]["Model"]["Arn"]  # in lower case, unlike the name
        models = sagemaker.get_paginator("list_models").paginate().search("Models[]")
        name = next(model["ModelName"] for model in models if model["ModelArn"] == arn)
        uri = sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"]
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
            member = archive.extractfile("model.bin")
            assert member is not None
            digests.append(hashlib.sha256(member.read()).hexdigest())
    jobs = sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate()
    found = jobs.search("HyperParameterTuningJobSummaries[]")
    arn = made["TuneChallenger"]["TuningJob"]["Arn"]
    tuning = next(job["HyperParameterTuningJobName"] for job in found if job["HyperParameterTuningJobArn"] == arn)
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuning, SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )["TrainingJobSummaries"]
    return digests, [trial["TunedHyperParameters"] for trial in trials]


def test_a_seed_repeats_the_models_and_the_search(sandbox: Sandbox, target: str) -> None:
    parameters = SMALL_DATA_PARAMETERS | {"ReviewsS3Uri": target, "Seed": "11"}
    runs = [run.wait(run.start(STACK["PipelineName"], parameters)).execution_arn for _ in range(2)]
    first, second = (trained(sandbox, arn) for arn in runs)
    assert first == second
    digests, trials = first
    assert digests[0] != digests[1]
    assert len(trials) == 9


def test_a_refused_model_is_named_and_not_registered(sandbox: Sandbox, target: str) -> None:
    parameters = SMALL_DATA_PARAMETERS | {"ReviewsS3Uri": target, "AccuracyFloor": "0.99"}
    before = len(sandbox.client("sagemaker").list_model_packages()["ModelPackageSummaryList"])
    outcome = run.wait(run.start(STACK["PipelineName"], parameters))
    assert outcome.status == "Failed"
    assert len(outcome.failures) == 1
    assert outcome.failures[0].startswith("The champion is not registered: its test accuracy 0.")
    assert outcome.failures[0].endswith("is under the floor 0.99")
    assert len(sandbox.client("sagemaker").list_model_packages()["ModelPackageSummaryList"]) == before


def test_a_challenger_that_loses_more_than_it_may_is_not_registered(sandbox: Sandbox, target: str) -> None:
    """No loss is under -1: whatever the two scored, the second gate refuses."""
    outcome = run.wait(
        run.start(STACK["PipelineName"], SMALL_DATA_PARAMETERS | {"ReviewsS3Uri": target, "MaximumCredibleLoss": "-1"})
    )
    assert outcome.status == "Failed"
    assert outcome.steps["RegisterChampion"] == "Succeeded"
    assert "RegisterChallenger" not in outcome.steps
    assert outcome.failures[0].startswith("The challenger is not registered: its test accuracy is 0.")
    assert outcome.failures[0].endswith(
        "to the champion (95 % interval, same test rows) where MaximumCredibleLoss is -1.0"
    )


def test_reviews_that_cannot_be_used_fail_with_the_scripts_own_line(target: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("a\tb\n")
    uri = run.upload_reviews(BUCKET, [wrong])
    outcome = run.wait(run.start(STACK["PipelineName"], {"ReviewsS3Uri": uri}))
    assert outcome.status == "Failed"
    assert "column review_id is missing" in outcome.failures[0]


def test_the_sdks_own_upsert_and_start_work(sandbox: Sandbox, target: str) -> None:
    arguments = json.dumps([STACK, SMALL_DATA_PARAMETERS | {"ReviewsS3Uri": target}])
    command = [sys.executable, "-W", "ignore", "-c", WITH_SDK, arguments]
    environment = sandbox.env | {"SAGEMAKER_VALIDATE_ROLE": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout.splitlines()[-1])
    assert steps["RegisterChallenger"] == "Succeeded"
    assert set(steps.values()) == {"Succeeded"}
