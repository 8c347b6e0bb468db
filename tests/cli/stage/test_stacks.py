from pathlib import Path
from typing import Any

import pytest

from abtest.cli.shown.aws import aws_errors
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks
from tests.conftest import free_port

Stacks = dict[str, dict[str, Any]]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """What CloudFormation knows, by stack name."""
    known: Stacks = {}
    monkeypatch.setattr(stacks, "described", known.get)
    return known


def stack(status: str = "CREATE_COMPLETE", **outputs: str) -> dict[str, Any]:
    return {
        "StackStatus": status,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


def test_outputs_of_all_stacks_without_those_between_stacks(deployed: Stacks) -> None:
    for part in stacks.PARTS:
        deployed[f"reviews-demo-{part}"] = stack(**{f"{part.title()}Name": part, f"ExportsOutputRef{part}12": "x"})
    assert stacks.outputs("demo") == {
        "DataName": "data",
        "TrainingName": "training",
        "WorkflowsName": "workflows",
        "ApiName": "api",
    }


def test_a_stage_that_is_not_deployed_or_only_half_says_how_to_deploy_it(deployed: Stacks) -> None:
    deployed["reviews-demo-data"] = stack()
    with pytest.raises(UserError, match="stage demo is not deployed: run abtest deploy --stage demo"):
        stacks.outputs("demo")


def test_a_broken_stack_is_named(deployed: Stacks) -> None:
    deployed["reviews-demo-data"] = stack("ROLLBACK_COMPLETE")
    with pytest.raises(UserError, match="reviews-demo-data is ROLLBACK_COMPLETE: run abtest deploy"):
        stacks.outputs("demo")


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match=r"Could not connect .*abtest sandbox up"), aws_errors():
        stacks.described("any")


@pytest.mark.parametrize("stage", ["dev", "demo", "prod"])
def test_every_stage_can_be_read(stage: str) -> None:
    assert stacks.load_config(stage).stage_name == stage


def test_an_unknown_stage_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError, match="there is no stage nowhere: the stages are demo, dev, prod"):
        stacks.load_config("nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"x\.json: "),
        ('{"project_name": "p"}', "stage_name"),
        ('{"project_name": "p", "stage_name": "y"}', "not y"),
    ],
)
def test_a_wrong_configuration_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr(stacks, "CONFIG", tmp_path)
    monkeypatch.setattr(stacks, "ROOT", tmp_path)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=message):
        stacks.load_config("x")
