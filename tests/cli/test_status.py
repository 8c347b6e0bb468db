"""`abtest status` and `abtest history` read the same records."""

import dataclasses
import datetime
import json
import re
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters import executions, shadows
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli import history, status
from abtest.cli.shown.output import UserError
from abtest.experiment.record.findings import Effect, Finding
from abtest.experiment.record.shadow import Pair, Shadow
from abtest.operations.record_decision import record_decision
from abtest.operations.take_out import take_out
from abtest.report import words
from tests.adapters import samples
from tests.adapters.samples import ENDPOINT, begin

GROUPS = {"ChampionGroupName": "reviews-champion", "ChallengerGroupName": "reviews-challenger"}
OUTPUTS = GROUPS | {"ExperimentsTableName": "experiments", "EndpointName": ENDPOINT}


@pytest.fixture(autouse=True)
def deployed(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (status, history):
        monkeypatch.setattr(module, "outputs", lambda _: OUTPUTS)
    for group in GROUPS.values():
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)


FINDING = Finding("drift", "warning", "Drift: it moved.", {"early": 0.25, "late": 0.0})


def run(experiments: ExperimentsTable, *, decided: bool) -> None:
    begun = samples.experiment(samples.plan(1, (1,)))
    begin(experiments, begun)
    if decided:
        moved = samples.decision(
            begun,
            {"Champion1": 0.2, "Challenger1": 0.8},
            leader="Challenger1",
            effects={"Champion1": Effect(0.125, -0.05, 0.3, 0.95)},
            guarantee="It holds at all times.",
            findings=(FINDING,),
        )
        assert record_decision(experiments, moved, execution="r")


def invoke(command: Any, *arguments: str) -> str:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_before_the_first_decision(experiments: ExperimentsTable) -> None:
    run(experiments, decided=False)
    shown = invoke(status.status)
    assert "nothing counted yet" in shown
    assert "50.0%" in shown
    assert shown.endswith(f"{words.UNSEEN}\n")
    assert json.loads(invoke(history.history, "--json")) == []


def test_after_a_decision(experiments: ExperimentsTable) -> None:
    run(experiments, decided=True)
    shown = invoke(status.status)
    assert "reviews-dev-v1-1 on sagemaker-reviews-dev\n" in shown
    assert "strategy ThompsonSampling; earn first" in shown
    assert "80.0%" in shown
    *_, headline, effect, worst, reason, guarantee, following, finding = shown.splitlines()
    assert headline.startswith("Still running: Challenger1 leads")
    assert effect.endswith(" over Champion1: +12.50 percentage points, always-valid 95 % interval -5.00 to +30.00.")
    assert worst.endswith(" is worse than Champion1 by at most 5.00 percentage points, as far as that interval holds.")
    assert reason == "because"
    assert guarantee == "It holds at all times."
    assert following == "Keep sending users, and check again later."
    assert finding == "Warning: Drift: it moved."
    document = json.loads(invoke(status.status, "--json"))
    assert [variant["invocation_count"] for variant in document["variants"]] == [10, 10]
    assert document["findings"] == [FINDING.to_json()]
    assert document["counted_until"] == "2026-01-01T12:01:00.000Z"


def test_the_history(experiments: ExperimentsTable) -> None:
    run(experiments, decided=True)
    shown = invoke(history.history)
    assert "because" in shown
    assert "drift" in shown
    (decision,) = json.loads(invoke(history.history, "--json"))
    assert decision["new_shares"] == {"Champion1": 0.2, "Challenger1": 0.8}


@pytest.mark.parametrize("command", [status.status, history.history])
def test_no_experiment_is_a_users_mistake(command: Any) -> None:
    with pytest.raises(UserError, match="has no experiment yet"):
        invoke(command)


def test_who_is_out_and_why(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "start", lambda *_: "")
    run(experiments, decided=True)
    why = "5XX rate above 0.05."
    take_out(experiments, ENDPOINT, "Challenger1", why, rebalance_arn="", execution="event", now=samples.NOW)
    shown = invoke(status.status)
    assert "Challenger1 is out, and the champion serves its users: 5XX rate above 0.05." in shown
    assert re.search(r"Challenger1 +out ", shown)
    assert json.loads(invoke(status.status, "--json"))["variants"][1]["out"] == "5XX rate above 0.05."


def test_what_became_of_a_shadow(experiments: ExperimentsTable) -> None:
    run(experiments, decided=True)
    failed, waits = (Shadow(Pair("Champion1", "a/1", f"Challenger{n}", f"b/{n}"), samples.NOW) for n in (2, 3))
    why = "the labels agree in 1 of 9 requests, 0.8 is the least."
    failed = dataclasses.replace(failed, passed=False, reason=why)
    experiments.transact([shadows.begin(ENDPOINT, shadow) for shadow in (failed, waits)])
    shown = invoke(status.status)
    assert "Shadow: Challenger2 beside Champion1 did not pass and is rejected: the labels agree in 1 of 9" in shown
    assert "Shadow: Challenger3 beside Champion1 since 2026-01-01T12:00:00.000Z, without a verdict yet." in shown
    assert [shadow["passed"] for shadow in json.loads(invoke(status.status, "--json"))["shadows"]] == [False, None]


def test_a_canary_and_until_when(experiments: ExperimentsTable) -> None:
    begun = samples.experiment(samples.plan(1, (1,)))
    ends = {"Challenger1": begun.started_at + datetime.timedelta(minutes=30)}
    begin(experiments, dataclasses.replace(begun, canary_until=ends))
    shown = invoke(status.status)
    assert "Challenger1 is a canary until 2026-01-01T12:30:00.000Z: all shares stay until the first rebalance" in shown
    untils = [variant["canary_until"] for variant in json.loads(invoke(status.status, "--json"))["variants"]]
    assert untils == [None, "2026-01-01T12:30:00.000Z"]


def test_what_serves_though_it_was_rejected_or_deleted_since(experiments: ExperimentsTable) -> None:
    sagemaker = boto3.client("sagemaker")
    request = {"ModelPackageGroupName": "reviews-challenger", "ModelApprovalStatus": "Approved"}
    arns = [sagemaker.create_model_package(**request)["ModelPackageArn"] for _ in range(2)]
    arns.append(arns[0].rpartition("/")[0] + "/3")  # deleted
    planned = samples.plan(1, (1, 2, 3))
    packages = [planned.variants[0].model_package_arn, *arns]  # the champion's is of no group of ours
    variants = zip(planned.variants, packages, strict=True)
    served = [dataclasses.replace(variant, model_package_arn=arn) for variant, arn in variants]
    begun = samples.experiment(dataclasses.replace(planned, variants=tuple(served)))
    begin(experiments, begun)
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Rejected")
    assert json.loads(invoke(status.status, "--json"))["unapproved"] == [
        {"variant_name": "Challenger2", "model_package_arn": arns[1], "status": "Rejected"},
        {"variant_name": "Challenger3", "model_package_arn": arns[2], "status": None},
    ]
    shown = invoke(status.status)
    assert shown.count("Warning") == 2
    assert "Warning: Challenger2 serves, but its model package is Rejected: the next run of build-endpoint" in shown
    assert "Warning: Challenger3 serves, but its model package is deleted: the next run" in shown
