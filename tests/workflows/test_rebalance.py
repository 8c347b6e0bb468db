"""rebalance in the sandbox, with its real functions, from events in S3 to the endpoint's weights."""

import datetime
import json
from typing import Any

import pytest

from abtest.adapters import assignments_table
from abtest.adapters.table import to_item
from abtest.experiment.record import times
from abtest.experiment.record.events import Conversion, Invocation
from tests.conftest import Sandbox, wait_for
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow


def lines(stage: Stage, variant: str, users: int, converted: int) -> list[str]:
    """`users` users with one invocation each, of whom `converted` convert."""
    item = stage.items()["EXPERIMENT"]
    started = times.from_text(item["started_at"]["S"])
    made: list[str] = []
    for number in range(users):
        common: dict[str, Any] = {
            "timestamp": started + datetime.timedelta(milliseconds=number),
            "experiment_id": item["experiment_id"]["S"],
            "endpoint_name": stage.endpoint_name,
            "endpoint_variant": variant,
            "target_variant": variant,
            "strategy": "ThompsonSampling",
            "inference_id": f"{variant}-{number}",
            "user_id": f"{variant}-{number}",
            "decision_id": item["decision_id"]["S"],
            "propensity": 0.5,
        }
        made.append(Invocation(**common).to_line())
        if number < converted:
            made.append(Conversion(**common, reward=1.0, invocation_timestamp=common["timestamp"]).to_line())
    return made


def hour(stage: Stage) -> str:
    started = times.from_text(stage.items()["EXPERIMENT"]["started_at"]["S"])
    return started.strftime("%Y/%m/%d/%H")


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox) -> Stage:
    """Shared: each test puts a champion and a challenger of its own on trial, with half of the traffic each."""
    return Stage(sandbox, "moves", warmup=20, exploration_floor=0.05).deploy()


def shares(stage: Stage) -> dict[str, float]:
    return {name: float(share["N"]) for name, share in stage.items()["EXPERIMENT"]["shares"]["M"].items()}


def decisions(stage: Stage) -> list[str]:
    """The numbers of the running experiment's Decisions."""
    prefix = f"DECISION#{stage.items()['EXPERIMENT']['experiment_id']['S']}#"
    return sorted(key.removeprefix(prefix) for key in stage.items() if key.startswith(prefix))


def quarantine(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.s3.list_objects_v2(Bucket="moves", Prefix="quarantine/").get("Contents", [])
    return found


def test_events_in_s3_move_the_weights(stage: Stage) -> None:
    champion, challenger = stage.trial()
    events = lines(stage, champion, 100, 20) + lines(stage, challenger, 100, 60)
    stage.put_events("first", [*events, "{not json"], hour(stage))
    stage.put_events("second", events[:50], hour(stage))  # Firehose delivered these twice
    ended = stage.run("rebalance")
    assert ended["status"] == "SUCCEEDED", ended
    assert stage.weights() == pytest.approx({champion: 0.05, challenger: 0.95}, abs=1e-3)
    assert shares(stage) == pytest.approx(stage.weights())
    counts = json.loads(ended["output"])["decision"]["counts"]
    assert (counts[challenger]["invocation_count"], counts[challenger]["reward_sum"]) == (100, 60)
    assert decisions(stage) == ["000001"]

    (kept,) = quarantine(stage)
    line = stage.s3.get_object(Bucket="moves", Key=kept["Key"])["Body"].read()
    assert json.loads(line) == {"line": "{not json", "problem": "is not JSON"}

    again = stage.run("rebalance")
    assert again["status"] == "SUCCEEDED"
    assert json.loads(again["output"])["decision"]["updated"] is False
    assert decisions(stage) == ["000001", "000002"]
    assert quarantine(stage) == [kept]


def test_two_at_once_apply_one_decision_after_the_other(stage: Stage) -> None:
    champion, challenger = stage.trial()
    stage.put_events("at-once", lines(stage, champion, 60, 40) + lines(stage, challenger, 60, 10), hour(stage))
    before = len(stage.executions("rebalance"))
    for _ in range(2):
        stage.start("rebalance")
    assert {execution["status"] for execution in stage.settled(before + 2, "rebalance")[:2]} == {"SUCCEEDED"}
    assert decisions(stage) == ["000001", "000002"]
    assert shares(stage) == pytest.approx(stage.weights())
    assert stage.weights()[champion] == pytest.approx(0.95, abs=1e-3)


def weigh(stage: Stage, **weights: float) -> None:
    """A change of weights past the experiment."""
    desired = [{"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()]
    stage.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=stage.endpoint_name, DesiredWeightsAndCapacities=desired
    )


def test_an_endpoint_that_changes_already_is_waited_for_and_drifted_weights_are_put_right(stage: Stage) -> None:
    champion, challenger = stage.trial()
    weigh(stage, **{champion: 3.0, challenger: 1.0})
    assert stage.endpoint()["EndpointStatus"] == "Updating"
    assert stage.run("rebalance")["status"] == "SUCCEEDED"
    assert stage.weights() == shares(stage) == {champion: 0.5, challenger: 0.5}


def test_weights_that_are_refused_again_and_again_are_a_failure_with_the_cause(stage: Stage) -> None:
    champion, challenger = stage.trial()
    stage.put_events("refused", lines(stage, champion, 60, 40) + lines(stage, challenger, 60, 10), hour(stage))
    stage.spoil("rebalance", "UpdateWeights", EndpointName="none")
    failed = stage.run("spoiled")
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "Could not find endpoint" in failed["cause"]
    assert decisions(stage) == []
    assert shares(stage) == {champion: 0.5, challenger: 0.5}


def test_an_endpoint_that_is_gone_is_a_failure_with_the_cause(stage: Stage) -> None:
    stage.trial()
    stage.sagemaker.delete_endpoint(EndpointName=stage.endpoint_name)
    failed = stage.run("rebalance")
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "Could not find endpoint" in failed["cause"]


def test_parked_events_are_sent_and_counted_by_the_next_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignments_table, "client", lambda: stage.sandbox.client("dynamodb"))
    champion, _ = stage.trial()
    (line,) = lines(stage, champion, 1, 0)
    assignments_table.AssignmentsTable("moves-assignments").park("event", line)
    assert stage.run("rebalance")["status"] == "SUCCEEDED"
    wait_for(lambda: stage.holds(line))
    counts = json.loads(stage.run("rebalance")["output"])["decision"]["counts"]
    assert counts[champion]["invocation_count"] == 1
    assert assignments_table.AssignmentsTable("moves-assignments").parked(1) == []


def test_no_experiment_is_said(sandbox: Sandbox) -> None:
    ended = Stage(sandbox, "idle").deploy("rebalance").run("rebalance")
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["message"] == "No experiment runs on sagemaker-idle-dev."


def test_all_endpoints_are_rebalanced_and_one_that_fails_touches_no_other(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "several").deploy("build_endpoint", "rebalance", "rebalance_all")
    stage.trial()
    for name, live in (("gone", True), ("retired", False)):
        item = {"name": f"sagemaker-several-{name}", "live": live}
        item |= {"endpoint_name": "#ADOPTED", "item": f"ENDPOINT#{name}"}
        sandbox.client("dynamodb").put_item(TableName="several", Item=to_item(item))
    assert stage.run("rebalance_all")["status"] == "SUCCEEDED"
    started = [
        json.loads(stage.states.describe_execution(executionArn=found["executionArn"])["input"])["endpoint_name"]
        for found in stage.settled(2, "rebalance")
    ]
    assert sorted(started) == ["sagemaker-several-dev", "sagemaker-several-gone"]
    assert decisions(stage) == ["000001"]
