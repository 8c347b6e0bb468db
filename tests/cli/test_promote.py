import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from abtest.cli import promote
from abtest.cli.shown import summary
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks
from abtest.experiment.record.experiment import Experiment
from abtest.operations import promote as operation
from abtest.operations.promote import Promotion
from tests.adapters.samples import config, experiment, package, plan

OUTPUTS = {"ExperimentsTableName": "t", "EndpointName": "e", "ChampionGroupName": "reviews-champion"}


def invoke(monkeypatch: pytest.MonkeyPatch, on: Experiment, made: Promotion, *arguments: str) -> Any:
    monkeypatch.setattr(stacks, "outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(stacks, "load_config", lambda _: config())
    monkeypatch.setattr(summary, "latest", lambda *_: (on, [], False))
    monkeypatch.setattr(operation, "promote", lambda *_, **__: made)
    app = typer.Typer()
    app.command()(promote.promote)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def made(status: str, change: str = "registered") -> Promotion:
    return Promotion("Challenger1", "reviews-dev-v1-1", package("champion", 2, status=status), change)


DECIDED = experiment(plan(), status="decided", leader="Challenger1")


@pytest.mark.parametrize(
    ("done", "line"),
    [
        (made("Approved"), "is registered as champion/2, approved: build-endpoint serves it without the other"),
        (made("PendingManualApproval"), "waiting for approval: abtest models approve champion/2 --stage dev"),
        (made("Rejected", "none"), "was promoted before, as champion/2, Rejected, and stays so"),
    ],
)
def test_it_says_what_became_of_it_and_what_follows(
    monkeypatch: pytest.MonkeyPatch, done: Promotion, line: str
) -> None:
    ended = invoke(monkeypatch, DECIDED, done)
    assert ended.stderr == "registering Challenger1 of reviews-dev-v1-1 in reviews-champion\n"
    assert line in ended.stdout


def test_the_result_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(invoke(monkeypatch, DECIDED, made("Approved"), "--json").stdout)
    assert document["model_package_arn"].endswith("reviews-champion/2")
    assert (document["change"], document["status"]) == ("registered", "Approved")


def test_by_hand_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = invoke(monkeypatch, experiment(plan()), made("Approved"), "--variant", "Challenger1")
    assert "Challenger1 of reviews-dev-v1-1 (chosen by hand, not by a decision)" in ended.stderr


def test_nothing_decided_is_a_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"nothing is decided in reviews-dev-v1-1 \(it is running\)"):
        invoke(monkeypatch, experiment(plan()), made("Approved"))
