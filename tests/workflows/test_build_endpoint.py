"""build-endpoint in the sandbox, with its real functions."""

import contextlib
import json

import pytest
from botocore.exceptions import ClientError

from abtest.adapters import registry
from abtest.adapters import table as dynamodb
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.config_file import read_config
from abtest.operations.promote import promote, winner
from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE, ended
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox) -> Stage:
    """Shared: each test puts a champion of its own on trial, which begins a new experiment."""
    return Stage(sandbox, "builds").deploy("build_endpoint")


def experiment_id(stage: Stage) -> str:
    found: str = stage.items()["EXPERIMENT"]["experiment_id"]["S"]
    return found


def test_champion_and_challenger_approved_at_once_end_in_one_right_endpoint(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "at-once").deploy("build_endpoint")
    assert stage.run()["status"] == "SUCCEEDED"  # nothing is approved, nothing to do
    assert set(stage.items()) == {"LEASE"}
    stage.start_on_approval()
    champion, challenger = stage.register("champion"), stage.register("challenger", "other")
    stage.approve(champion)
    stage.approve(challenger)
    executions = stage.settled(3)
    assert {execution["status"] for execution in executions} == {"SUCCEEDED"}
    assert stage.endpoint()["EndpointStatus"] == "InService"
    assert stage.weights() == {"Champion1": 0.5, "Challenger1": 0.5}
    assert experiment_id(stage) == "at-once-dev-v1-1"
    packages = {v["M"]["model_package_arn"]["S"] for v in stage.items()["EXPERIMENT"]["variants"]["L"]}
    assert packages == {champion, challenger}
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}
    assert stage.items()["LEASE"]["waiting"] == {"L": []}


def test_a_duplicate_event_changes_nothing(stage: Stage) -> None:
    stage.trial()
    endpoint, experiment = stage.endpoint(), stage.items()["EXPERIMENT"]
    for _ in range(2):
        stage.start()
    assert {execution["status"] for execution in stage.settled(3)[:2]} == {"SUCCEEDED"}
    assert stage.items()["EXPERIMENT"] == experiment
    assert stage.endpoint()["LastModifiedTime"] == endpoint["LastModifiedTime"]


def test_a_corrupt_model_leaves_the_old_endpoint_serving(stage: Stage) -> None:
    stage.trial()
    before, experiment = stage.endpoint(), stage.items()["EXPERIMENT"]
    corrupt = stage.register("challenger", "corrupt")
    stage.approve(corrupt)
    failed = stage.run()
    stage.approve(corrupt, "Rejected")
    assert (failed["status"], failed["error"]) == ("FAILED", "EndpointFailed")
    assert f"Challenger{corrupt.rsplit('/', 1)[1]}" in failed["cause"]
    assert failed["cause"] == stage.endpoint()["FailureReason"]
    assert stage.endpoint()["EndpointStatus"] == "InService"
    assert stage.endpoint()["EndpointConfigName"] == before["EndpointConfigName"]
    assert stage.items()["EXPERIMENT"] == experiment
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_an_update_that_is_refused_is_a_failure_with_the_cause(stage: Stage) -> None:
    stage.trial()
    before = stage.endpoint()
    stage.approve(stage.register("champion"))
    stage.spoil("build_endpoint", "UpdateEndpoint", EndpointConfigName="none")
    failed = stage.run("spoiled")
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "Could not find endpoint configuration" in failed["cause"]
    assert stage.endpoint() | {"ResponseMetadata": None} == before | {"ResponseMetadata": None}
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_an_update_refused_because_the_endpoint_changes_is_made_once_it_rests(stage: Stage) -> None:
    """Someone changes the weights again and again while build-endpoint wants to update."""
    champion, _ = stage.trial()
    stage.approve(stage.register("challenger"))
    execution = stage.start()
    for _ in range(3):
        wait_for(lambda: stage.endpoint()["EndpointStatus"] == "InService", interval=0.01)
        with contextlib.suppress(ClientError):  # build-endpoint was faster
            stage.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=stage.endpoint_name,
                DesiredWeightsAndCapacities=[{"VariantName": champion, "DesiredWeight": 1.0}],
            )
    assert ended(stage.sandbox, execution, 60)["status"] == "SUCCEEDED"
    assert set(stage.weights()) == {v["M"]["variant_name"]["S"] for v in stage.items()["EXPERIMENT"]["variants"]["L"]}


def test_an_endpoint_that_failed_to_start_is_replaced(stage: Stage) -> None:
    if stage.endpoints():
        stage.sagemaker.delete_endpoint(EndpointName=stage.endpoint_name)
        wait_for(lambda: not stage.endpoints())
    stage.approve(stage.register("champion", "corrupt"))
    failed = stage.run()
    assert (failed["status"], failed["error"]) == ("FAILED", "EndpointFailed")
    assert stage.endpoint()["EndpointStatus"] == "Failed"
    assert set(stage.trial()) == set(stage.weights())


def test_a_challenger_joins_and_a_new_champion_begins_anew(stage: Stage) -> None:
    champion, challenger = stage.trial()
    before = experiment_id(stage)
    joining = stage.register("challenger")
    stage.approve(joining)
    assert stage.run()["status"] == "SUCCEEDED"
    assert stage.weights() == {champion: 0.5, f"Challenger{joining.rsplit('/', 1)[1]}": 0.5}
    assert experiment_id(stage) == before
    assert stage.items()[f"DECISION#{before}#000001"]["reason"]["S"].startswith(
        f"Challenger{joining.rsplit('/', 1)[1]} joins, {challenger} leaves"
    )
    stage.trial()
    assert experiment_id(stage) != before
    assert f"PAST#{before}" in stage.items()


def test_a_package_deleted_between_selection_and_creation_leaves_the_old_endpoint_serving(stage: Stage) -> None:
    stage.trial()
    before, experiment = stage.endpoint(), stage.items()["EXPERIMENT"]
    gone, other = stage.register("challenger"), stage.register("challenger")
    stage.sagemaker.delete_model_package(ModelPackageName=gone)
    stage.approve(other)
    definition = json.loads(
        stage.states.describe_state_machine(stateMachineArn=stage.machines["build_endpoint"])["definition"]
    )
    create = definition["States"]["CreateModels"]["ItemProcessor"]["States"]["CreateModel"]
    create["Parameters"]["PrimaryContainer"] = {"ModelPackageName": gone}
    stage.machines["deleted"] = stage.states.create_state_machine(
        name="builds-deleted", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    failed = stage.run("deleted")
    stage.approve(other, "Rejected")
    assert failed["status"] == "FAILED"
    assert f"{gone} does not exist" in failed["cause"]
    assert stage.endpoint()["EndpointConfigName"] == before["EndpointConfigName"]
    assert stage.items()["EXPERIMENT"] == experiment
    assert stage.items()["LEASE"]["holder"] == {"NULL": True}


def test_a_promoted_winner_is_served_without_the_loser(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "client", lambda: stage.sagemaker)
    monkeypatch.setattr(dynamodb, "client", lambda: stage.sandbox.client("dynamodb"))
    _, challenger = stage.trial()
    experiment = ExperimentsTable(stage.project).current(stage.endpoint_name)
    assert experiment is not None
    config = read_config(stage.config | {"promotion_approver": "Anna"})
    group = stage.groups["champion"]
    chosen = winner(experiment, config, challenger)
    done, again = (promote(experiment, chosen, config, group) for _ in range(2))
    assert (again.package.arn, again.change) == (done.package.arn, "none")
    ended = stage.run()
    assert ended["status"] == "SUCCEEDED", ended
    assert stage.weights() == {f"Champion{done.package.version}": 1.0}
    assert experiment_id(stage) != experiment.experiment_id
