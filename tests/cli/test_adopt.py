"""`abtest adopt` and `abtest retire` on moto's tables; the endpoint is a stand-in."""

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters.endpoint_description import EndpointDescription
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli import adopt, destroy, status
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks
from abtest.experiment.record.plan import PlannedVariant
from abtest.operations import adopt as adoption
from tests.adapters import samples

NAME = "sagemaker-reviews-churn"
GROUPS = {"ChampionGroupName": "reviews-champion", "ChallengerGroupName": "reviews-challenger"}
OUTPUTS = GROUPS | {"ExperimentsTableName": "experiments", "EndpointName": samples.ENDPOINT}


@pytest.fixture(autouse=True)
def deployed(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = (PlannedVariant("a", "arn:model/a", 1.0), PlannedVariant("b", "arn:model/b", 1.0))
    monkeypatch.setattr(adoption, "describe", lambda _: EndpointDescription(NAME, "InService", "monday", {}, variants))
    monkeypatch.setattr(stacks, "outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(status, "outputs", lambda _: OUTPUTS)


def invoke(command: Any, *arguments: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_adopted_shown_and_retired_each_twice() -> None:
    begun = invoke(adopt.adopt, NAME, "--champion", "b", "--strategy", "UCB1", "--epsilon", "0.2", "--warmup", "9")
    assert begun.stdout == f"{NAME}: {NAME}-v0-1 is begun. b, a are on trial.\n"
    again = json.loads(invoke(adopt.adopt, NAME, "--json").stdout)
    assert (again["experiment_id"], again["change"]) == (f"{NAME}-v0-1", "none")
    shown = invoke(status.status, "--endpoint", NAME)
    assert shown.stdout.startswith(f"{NAME}-v0-1 on {NAME}\n")
    assert "strategy UCB1" in shown.stdout
    outputs = {"ExperimentsTableName": "experiments"}
    assert destroy.adopted_endpoints(outputs) == [NAME]

    assert invoke(adopt.retire, NAME).stdout == f"{NAME}: {NAME}-v0-1 is retired. It was retired by hand.\n"
    assert json.loads(invoke(adopt.retire, NAME, "--json").stdout)["change"] == "none"
    assert destroy.adopted_endpoints(outputs) == destroy.adopted_endpoints({}) == []
    shown = invoke(status.status, "--endpoint", NAME)
    assert shown.stderr == f"{NAME} is retired; this is its last experiment\n"
    assert shown.stdout.startswith(f"{NAME}-v0-1 on {NAME}\n")
    assert shown.stdout.endswith("Retired before the first rebalance.\n")
    assert json.loads(invoke(status.status, "--endpoint", NAME, "--json").stdout)["retired"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("churn",), "churn: only endpoints whose names begin with sagemaker-reviews- can take part"),
        (("sagemaker-reviews-dev",), "sagemaker-reviews-dev is the stage's own endpoint"),
        (("sagemaker-reviews-prod",), "sagemaker-reviews-prod is the stage prod's own"),
        ((NAME, "--champion", "c"), "c is no variant of the endpoint; it has a, b"),
        ((NAME, "--strategy", "Thompson"), "--strategy: must be one of"),
        ((NAME, "--epsilon", "2"), "--epsilon: must be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_adopted_is_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        invoke(adopt.adopt, *arguments)


def test_a_stage_that_is_not_deployed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stage: str) -> None:
        raise UserError(f"stage {stage} is not deployed: run abtest deploy --stage {stage}")

    monkeypatch.setattr(stacks, "outputs", refuse)
    for command in (adopt.adopt, adopt.retire):
        with pytest.raises(UserError, match="stage dev is not deployed"):
            invoke(command, NAME)
