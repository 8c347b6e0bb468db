import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters import external_models
from abtest.cli import deploy_models
from abtest.cli.shown.output import UserError
from tests.sandbox.sagemaker.artefacts import packed

OUTPUTS = {"ChampionGroupName": "churn-champion", "ChallengerGroupName": "churn-challenger", "BucketName": "stage"}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ARTEFACT = packed("xgboost-model.json", b"{}")

app = typer.Typer()
app.command()(deploy_models.deploy_models)


@pytest.fixture(autouse=True)
def stage(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployed stage that serves one challenger, and another bucket with an artefact and an empty object."""
    monkeypatch.setattr(deploy_models, "outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(deploy_models, "load_config", lambda _: SimpleNamespace(challenger_variant_count=1))
    external_models.client.cache_clear()
    s3 = boto3.client("s3")
    for bucket in ("stage", "elsewhere"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="elsewhere", Key="model.tar.gz", Body=ARTEFACT)
    s3.put_object(Bucket="elsewhere", Key="empty.tar.gz", Body=b"")
    for key in ("ChampionGroupName", "ChallengerGroupName"):
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=OUTPUTS[key])
    yield
    external_models.client.cache_clear()


@pytest.fixture
def artefact(tmp_path: Path) -> str:
    path = tmp_path / "own (1).tar.gz"
    path.write_bytes(ARTEFACT)
    return str(path)


def invoke(*arguments: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    rows: list[dict[str, str]] = json.loads(result.stdout)
    return rows


def registered(arn: str) -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found


def everything() -> tuple[int, int]:
    """How many objects the stage's bucket has, and how many packages are registered."""
    objects = boto3.client("s3").list_objects_v2(Bucket="stage").get("Contents", [])
    listed = boto3.client("sagemaker").list_model_packages(ModelPackageType="Versioned")
    return len(objects), len(listed["ModelPackageSummaryList"])


def test_models_from_a_path_and_from_s3_are_registered_pending_approval(artefact: str) -> None:
    rows = invoke(
        *("--champion", artefact, "--challenger", "s3://elsewhere/model.tar.gz", "--image", IMAGE),
        *("--content-type", "text/csv"),
    )
    assert [row["role"] for row in rows] == ["champion", "challenger"]
    assert [row["model"] for row in rows] == ["champion/1", "challenger/1"]
    for row in rows:
        package = registered(row["model_package_arn"])
        assert package["ModelApprovalStatus"] == row["status"] == "PendingManualApproval"
        assert package["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
        ((container),) = package["InferenceSpecification"]["Containers"]
        assert container["Image"] == IMAGE
        bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
        assert (bucket, key.startswith("models/brought/")) == ("stage", True)
        assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == ARTEFACT
    assert registered(rows[0]["model_package_arn"])["ModelPackageGroupName"] == "churn-champion"


def test_the_champion_is_registered_before_its_challengers(artefact: str) -> None:
    rows = invoke("--challenger", artefact, "--champion", artefact, "--image", IMAGE)
    champion, challenger = (registered(row["model_package_arn"])["CreationTime"] for row in rows)
    assert champion < challenger


def test_each_model_may_have_an_image_and_a_content_type_of_its_own(artefact: str) -> None:
    rows = invoke(
        *("--champion", artefact, "--challenger", artefact, "--image", IMAGE, "--image", "acme.io/own:1"),
        *("--content-type", "text/csv", "--content-type", "application/json"),
    )
    specifications = [registered(row["model_package_arn"])["InferenceSpecification"] for row in rows]
    assert [s["Containers"][0]["Image"] for s in specifications] == [IMAGE, "acme.io/own:1"]
    assert [s["SupportedContentTypes"] for s in specifications] == [["text/csv"], ["application/json"]]


def test_approval_is_given_on_request(artefact: str) -> None:
    ((row),) = invoke("--challenger", artefact, "--image", IMAGE, "--approve")
    assert row["status"] == registered(row["model_package_arn"])["ModelApprovalStatus"] == "Approved"


def test_more_challengers_than_the_stage_serves_are_a_warning(artefact: str) -> None:
    models = ["--challenger", artefact, "--challenger", artefact]
    said = CliRunner().invoke(app, [*models, "--image", IMAGE], catch_exceptions=False).output
    assert "the stage serves 1 challengers, not 2: change challenger_variant_count" in said
    assert "challenger/2 is PendingManualApproval" in said


REFUSED = {
    "no model": ([], "say which models"),
    "ten challengers": (["--challenger", "s3://elsewhere/model.tar.gz"] * 10, "at most 9, not 10"),
    "a local artefact that is not there": (["--challenger", "none.tar.gz"], "--challenger: none.tar.gz cannot be read"),
    "a folder": (["--champion", "."], "--champion: . cannot be read"),
    "a file that is no archive": (["--champion", __file__], "is no tar archive"),
    "an object that is not there": (["--challenger", "s3://elsewhere/none.tar.gz"], "does not exist, or you may not"),
    "a bucket that is not there": (["--challenger", "s3://nobody/model.tar.gz"], "does not exist, or you may not"),
    "an empty object": (["--challenger", "s3://elsewhere/empty.tar.gz"], "empty.tar.gz is empty"),
    "a prefix": (["--challenger", "s3://elsewhere/"], "names no object"),
    "an image without a tag": (["--image", "acme.io/own"], "--image: 'acme.io/own' must be the URI of an image"),
    "too many images": (["--image", IMAGE, "--image", IMAGE], "--image: give one for all, or 1"),
    "a content type": (["--content-type", "csv"], "--content-type: 'csv' must be like text/csv"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_anything_is_made(artefact: str, case: str) -> None:
    given, message = REFUSED[case]
    good = {"--image": IMAGE} if "--image" not in given else {}
    if given and "--champion" not in given:
        good["--champion"] = artefact  # is good, and must not be registered either
    arguments = [*given, *(text for pair in good.items() for text in pair)]
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert message in str(caught.value)
    assert everything() == (0, 0)


def test_an_undeployed_stage_is_refused_before_anything_is_made(artefact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(stage: str) -> dict[str, str]:
        raise UserError(f"stage {stage} is not deployed")

    monkeypatch.setattr(deploy_models, "outputs", absent)
    with pytest.raises(UserError, match="not deployed"):
        CliRunner().invoke(app, ["--champion", artefact, "--image", IMAGE], catch_exceptions=False)
    assert everything() == (0, 0)


def test_waiting_looks_before_the_approval_and_is_of_approved_models_only(
    artefact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BuildEndpoint:
        def __init__(self, found: dict[str, str]) -> None:
            assert found == OUTPUTS
            assert everything() == (0, 0)

        def served(self, package_arns: list[str]) -> Any:
            assert registered(package_arns[0])["ModelApprovalStatus"] == "Approved"
            return SimpleNamespace(experiment_id="churn-dev-v1-1", packages={"Champion1": package_arns[0]})

    monkeypatch.setattr(deploy_models, "BuildEndpoint", BuildEndpoint)
    (row,) = invoke("--champion", artefact, "--image", IMAGE, "--approve", "--wait")
    assert (row["variant_name"], row["experiment_id"]) == ("Champion1", "churn-dev-v1-1")
    refused = CliRunner().invoke(app, ["--champion", artefact, "--image", IMAGE, "--wait"])
    assert (refused.exit_code, everything()) == (2, (1, 1))
