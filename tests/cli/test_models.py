import dataclasses
import json
from collections.abc import Iterator

import boto3
import pytest
from typer.testing import CliRunner

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli import models
from abtest.cli.shown.output import UserError
from abtest.experiment.record.experiment import Experiment
from tests.adapters import samples
from tests.adapters.samples import begin

GROUPS = {"ChampionGroupName": "reviews-champion", "ChallengerGroupName": "reviews-challenger"}
OUTPUTS = GROUPS | {"ExperimentsTableName": "experiments", "EndpointName": samples.ENDPOINT}
CONTAINER = {"Image": "image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}
FORMATS = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}


@pytest.fixture(autouse=True)
def registry(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two champions and a challenger that wait for approval."""
    monkeypatch.setattr(models, "outputs", lambda _: OUTPUTS)
    sagemaker = boto3.client("sagemaker")
    for group in GROUPS.values():
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    for group in ("reviews-champion", "reviews-champion", "reviews-challenger"):
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={"Containers": [CONTAINER], **FORMATS},
            CustomerMetadataProperties={"TestAccuracy": "0.66"},
        )
    yield


def invoke(*arguments: str) -> str:
    return CliRunner().invoke(models.app, arguments, catch_exceptions=False).stdout


def statuses() -> dict[str, str]:
    return {row["model"]: row["status"] for row in json.loads(invoke("list", "--json"))}


def test_approving_takes_the_newest_or_the_version_named() -> None:
    assert "champion/2 is Approved" in invoke("approve", "champion", "challenger")
    invoke("reject", "champion/1", "--note", "worse")
    assert statuses() == {"champion/2": "Approved", "champion/1": "Rejected", "challenger/1": "Approved"}
    assert json.loads(invoke("show", "champion/1", "--json"))["approval_note"] == "worse"


def test_a_change_prints_what_changed_as_json() -> None:
    ((row),) = json.loads(invoke("approve", "challenger", "--json"))
    assert (row["model"], row["status"]) == ("challenger/1", "Approved")
    assert row["model_package_arn"].endswith("reviews-challenger/1")


def test_waiting_says_what_serves_and_what_is_a_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    class BuildEndpoint:
        def __init__(self, found: dict[str, str]) -> None:
            assert found == OUTPUTS
            assert set(statuses().values()) == {"PendingManualApproval"}  # it looks before the approval

        def served(self, package_arns: list[str]) -> Experiment:
            planned = samples.plan(2, ())
            served = dataclasses.replace(planned.variants[0], model_package_arn=package_arns[0])
            return samples.experiment(dataclasses.replace(planned, variants=(served,)))

    monkeypatch.setattr(models, "BuildEndpoint", BuildEndpoint)
    *_, champion, challenger = invoke("approve", "champion", "challenger", "--wait").splitlines()
    assert champion == "champion/2 is served as Champion2 in reviews-dev-v2-1"
    assert challenger == "challenger/1 is a shadow and serves nobody yet in reviews-dev-v2-1"
    monkeypatch.setattr(BuildEndpoint, "__init__", lambda *_: None)
    rows = json.loads(invoke("approve", "champion", "challenger", "--wait", "--json"))
    assert [(row["model"], row["variant_name"]) for row in rows] == [
        ("champion/2", "Champion2"),
        ("challenger/1", None),
    ]


def test_the_list_and_one_model_for_people() -> None:
    assert "PendingManualApproval" in invoke("list")
    shown = invoke("show", "champion")
    assert "s3://bucket/model.tar.gz" in shown
    assert "0.66" in shown


def test_an_empty_registry_says_what_fills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"ChampionGroupName": "empty", "ChallengerGroupName": "empty"}
    monkeypatch.setattr(models, "outputs", lambda _: OUTPUTS | empty)
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="empty")
    assert "abtest pipeline start --stage demo" in invoke("list", "--stage", "demo")
    assert json.loads(invoke("list", "--json")) == []


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("winner", "say champion or challenger"),
        ("champion/x", "say champion or challenger"),
        ("champion/9", "no such model is registered"),
    ],
)
def test_an_unknown_model_is_a_users_mistake_and_changes_nothing(model: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        invoke("approve", "champion", model)
    assert set(statuses().values()) == {"PendingManualApproval"}


def test_rejecting_a_model_that_serves_warns() -> None:
    planned = samples.plan(1, (1,))
    served = next(
        row["model_package_arn"] for row in json.loads(invoke("list", "--json")) if row["model"] == "champion/1"
    )
    variants = (dataclasses.replace(planned.variants[0], model_package_arn=served), planned.variants[1])
    running = samples.experiment(dataclasses.replace(planned, variants=variants))
    table = ExperimentsTable("experiments")
    begin(table, running)
    warned = CliRunner().invoke(models.app, ["reject", "champion/1"], catch_exceptions=False).stderr
    assert warned == "warning: Champion1 is rejected and serves 50.0% of the traffic until the next approval\n"
    assert CliRunner().invoke(models.app, ["reject", "champion/2"], catch_exceptions=False).stderr == ""
