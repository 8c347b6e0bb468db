"""rebalance in the sandbox, with its real functions, from events in S3 to the endpoint's weights."""

import datetime
import json
from typing import Any

import pytest

from abtest.experiment import times
from abtest.experiment.events import Conversion, Invocation
from tests.conftest import Sandbox
from tests.workflows.stage import Stage

pytestmark = pytest.mark.slow

TWO = {"Champion1", "Challenger1"}


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


def deployed(sandbox: Sandbox, project: str) -> Stage:
    """A stage whose endpoint serves a champion and a challenger, half of the traffic each."""
    stage = Stage(sandbox, project, warmup=20, exploration_floor=0.05).deploy()
    for role, artefact in (("champion", "good"), ("challenger", "other")):
        stage.approve(stage.register(role, artefact))
    assert stage.run()["status"] == "SUCCEEDED"
    assert stage.weights() == dict.fromkeys(TWO, 0.5)
    return stage


def shares(stage: Stage) -> dict[str, float]:
    return {name: float(share["N"]) for name, share in stage.items()["EXPERIMENT"]["shares"]["M"].items()}


def decisions(stage: Stage) -> list[str]:
    return sorted(key for key in stage.items() if key.startswith("DECISION#"))


def test_events_in_s3_move_the_weights(sandbox: Sandbox) -> None:
    stage = deployed(sandbox, "moves")
    events = lines(stage, "Champion1", 100, 20) + lines(stage, "Challenger1", 100, 60)
    stage.put_events("first", [*events, "{not json"], hour(stage))
    stage.put_events("second", events[:50], hour(stage))  # Firehose delivered these twice
    ended = stage.run("rebalance")
    assert ended["status"] == "SUCCEEDED", ended
    assert stage.weights() == pytest.approx({"Champion1": 0.05, "Challenger1": 0.95}, abs=1e-3)
    assert shares(stage) == pytest.approx(stage.weights())
    output = json.loads(ended["output"])["decision"]
    assert output["counts"]["Challenger1"]["invocation_count"] == 100
    assert output["counts"]["Challenger1"]["reward_sum"] == 60
    assert decisions(stage) == ["DECISION#moves-dev-v1-1#000001"]

    (kept,) = stage.s3.list_objects_v2(Bucket="moves", Prefix="quarantine/")["Contents"]
    line = stage.s3.get_object(Bucket="moves", Key=kept["Key"])["Body"].read()
    assert json.loads(line) == {"line": "{not json", "problem": "is not JSON"}

    again = stage.run("rebalance")
    assert again["status"] == "SUCCEEDED"
    assert json.loads(again["output"])["decision"]["updated"] is False
    assert len(decisions(stage)) == 2
    assert len(stage.s3.list_objects_v2(Bucket="moves", Prefix="quarantine/")["Contents"]) == 1


def test_two_at_once_apply_one_decision_after_the_other(sandbox: Sandbox) -> None:
    stage = deployed(sandbox, "two-at-once")
    stage.put_events("one", lines(stage, "Champion1", 60, 40) + lines(stage, "Challenger1", 60, 10), hour(stage))
    for _ in range(2):
        stage.start("rebalance")
    assert {execution["status"] for execution in stage.settled(2, "rebalance")} == {"SUCCEEDED"}
    assert decisions(stage) == [f"DECISION#two-at-once-dev-v1-1#00000{number}" for number in (1, 2)]
    assert shares(stage) == pytest.approx(stage.weights())
    assert stage.weights()["Champion1"] == pytest.approx(0.95, abs=1e-3)


def test_an_endpoint_that_changes_already_is_waited_for(sandbox: Sandbox) -> None:
    stage = deployed(sandbox, "busy")
    stage.put_events("one", lines(stage, "Champion1", 60, 40) + lines(stage, "Challenger1", 60, 10), hour(stage))
    desired = [{"VariantName": name, "DesiredWeight": 0.5} for name in TWO]
    stage.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=stage.endpoint_name, DesiredWeightsAndCapacities=desired
    )
    assert stage.endpoint()["EndpointStatus"] == "Updating"
    assert stage.run("rebalance")["status"] == "SUCCEEDED"
    assert shares(stage) == pytest.approx(stage.weights())
    assert stage.weights()["Champion1"] == pytest.approx(0.95, abs=1e-3)


def test_drifted_weights_are_put_right(sandbox: Sandbox) -> None:
    stage = deployed(sandbox, "drift")
    desired = [{"VariantName": name, "DesiredWeight": weight} for name, weight in zip(sorted(TWO), (3, 1), strict=True)]
    stage.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=stage.endpoint_name, DesiredWeightsAndCapacities=desired
    )
    assert stage.run("rebalance")["status"] == "SUCCEEDED"
    assert stage.weights() == dict.fromkeys(TWO, 0.5)


def test_no_experiment_is_said(sandbox: Sandbox) -> None:
    ended = Stage(sandbox, "idle").deploy().run("rebalance")
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["message"] == "No experiment runs on sagemaker-idle-dev."


def test_an_endpoint_that_is_gone_is_a_failure_with_the_cause(sandbox: Sandbox) -> None:
    stage = deployed(sandbox, "gone")
    stage.sagemaker.delete_endpoint(EndpointName=stage.endpoint_name)
    failed = stage.run("rebalance")
    assert (failed["status"], failed["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "Could not find endpoint" in failed["cause"]
