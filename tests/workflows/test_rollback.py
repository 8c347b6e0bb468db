"""From one release back to the one before, and what is cleaned up, in the sandbox with the real functions."""

from typing import Any

import pytest

from abtest.adapters import executions, registry
from abtest.adapters import table as dynamodb
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.config_file import read_config
from abtest.experiment.record.experiment import Experiment
from abtest.operations import roll_back as rollback
from abtest.operations.record_decision import record_decision
from abtest.operations.roll_back import Rollback, RollbackError
from tests.adapters import samples
from tests.conftest import Sandbox
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow

Json = dict[str, Any]


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox) -> Stage:
    """Shared: each test puts a champion of its own on trial, which begins a new experiment."""
    return Stage(sandbox, "back").deploy("build_endpoint")


@pytest.fixture(autouse=True)
def clients(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "client", lambda: sandbox.client("sagemaker"))
    monkeypatch.setattr(dynamodb, "client", lambda: sandbox.client("dynamodb"))
    monkeypatch.setattr(executions, "start", lambda *_: "")


def table(stage: Stage) -> ExperimentsTable:
    return ExperimentsTable(stage.project)


def running(stage: Stage) -> Experiment:
    found = table(stage).current(stage.endpoint_name)
    assert found is not None
    return found


def build(stage: Stage) -> None:
    ended = stage.run()
    assert ended["status"] == "SUCCEEDED", ended


def release(stage: Stage, role: str) -> str:
    """Approves a new package and deploys it; returns its ARN."""
    arn = stage.register(role)
    stage.approve(arn)
    build(stage)
    return arn


def learnt(stage: Stage) -> Experiment:
    """A champion and a challenger on trial, with counts and shares that a Decision has moved."""
    champion, challenger = stage.trial()
    moved = samples.decision(running(stage), {champion: 0.2, challenger: 0.8})
    assert record_decision(table(stage), moved, execution="rebalance")
    return running(stage)


def planned(stage: Stage) -> Rollback:
    return rollback.plan(table(stage), read_config(stage.config), stage.groups)


def roll_back(stage: Stage) -> Rollback:
    """As the command does, without starting build-endpoint."""
    back = planned(stage)
    rollback.roll_back(table(stage), back, stage.endpoint_name, "")
    return back


def test_a_rolled_back_champion_gives_way_to_the_experiment_before_it(stage: Stage) -> None:
    before, config_name = learnt(stage), stage.endpoint()["EndpointConfigName"]
    release(stage, "champion")
    left = running(stage)
    assert left.experiment_id != before.experiment_id
    back = roll_back(stage)
    assert len(back.rejected) == 1
    assert roll_back(stage).rejected == ()  # interrupted and repeated
    build(stage)
    build(stage)
    assert running(stage) == before  # id, counts, shares, Decisions, and with the id its users' variants
    assert stage.weights() == pytest.approx({"Champion1": 0.2, "Challenger1": 0.8})
    assert stage.endpoint()["EndpointConfigName"] == config_name
    assert table(stage).past(stage.endpoint_name) == [left]
    with pytest.raises(RollbackError, match=r"champion/2, .*, is Rejected: abtest models approve champion/2"):
        planned(stage)
    rejected = registry.describe(back.rejected[0].arn)
    assert rejected["ApprovalDescription"].startswith("Rolled back from sagemaker-back-dev-")


def test_a_challenger_is_rolled_back_within_its_experiment(stage: Stage) -> None:
    before = learnt(stage)
    joined = release(stage, "challenger")
    build_count = running(stage).decision_count
    assert [package.arn for package in roll_back(stage).rejected] == [joined]
    build(stage)
    again = running(stage)
    assert (again.experiment_id, again.variant_names) == (before.experiment_id, before.variant_names)
    assert again.decision_count == build_count + 1


def test_an_approval_that_comes_between_joins_the_resumed_experiment(stage: Stage) -> None:
    before = learnt(stage)
    release(stage, "champion")
    roll_back(stage)
    joining = stage.register("challenger")
    stage.approve(joining)
    build(stage)
    again = running(stage)
    assert again.experiment_id == before.experiment_id
    assert [variant.model_package_arn for variant in again.variants][1:] == [joining]
    assert set(again.shares) == set(stage.weights())
    assert [d.number for d in table(stage).decisions(stage.endpoint_name, again.experiment_id)] == [1, 2]


def test_a_champion_that_comes_back_without_a_rollback_begins_anew(stage: Stage) -> None:
    before = learnt(stage)
    newer = release(stage, "champion")
    stage.approve(newer, "Rejected")
    build(stage)
    assert running(stage).champion_version == before.champion_version
    assert running(stage).experiment_id != before.experiment_id


def test_old_configs_and_models_go_but_none_in_use_or_needed_for_the_way_back(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "cleaned").deploy("build_endpoint")
    made = []
    for _ in range(4):
        release(stage, "champion")
        made.append(stage.endpoint()["EndpointConfigName"])
        if len(made) == 1:
            stage.sagemaker.create_endpoint(EndpointName="somebody-elses", EndpointConfigName=made[0])
    listed = stage.sagemaker.list_endpoint_configs(NameContains="cleaned")["EndpointConfigs"]
    assert {config["EndpointConfigName"] for config in listed} == {made[0], made[2], made[3]}
    models = stage.sagemaker.list_models(NameContains="cleaned")["Models"]
    assert sorted(model["ModelName"].split("-")[2] for model in models) == ["1", "3", "4"]
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_a_clean_up_that_fails_fails_no_deployment_and_leaves_no_lease(stage: Stage) -> None:
    champion, challenger = stage.trial()
    stage.spoil("build_endpoint", "CleanUp", FunctionName="none")
    stage.approve(stage.register("challenger"))
    ended = stage.run("spoiled")
    assert ended["status"] == "SUCCEEDED"
    assert champion in stage.weights() and challenger not in stage.weights()
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}
