"""The functions of rebalance and promote, and of the alarms, as the machines call them."""

import json
from typing import Any

import boto3
import pytest

from abtest.adapters import assignments_table, executions, registry
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.handlers import count_events, decide, promote, record_decision, set_alarms, take_out
from abtest.handlers.environment import read
from tests.adapters import conftest, samples
from tests.adapters.samples import ENDPOINT
from tests.handlers import machines
from tests.handlers.machines import ENVIRONMENT, EXECUTION, built, put_events, running

pytestmark = pytest.mark.usefixtures("environment")

aws, experiments, environment = conftest.aws, conftest.experiments, machines.environment


def described(**weights: float) -> dict[str, Any]:
    return {"ProductionVariants": [{"VariantName": name, "CurrentWeight": weight} for name, weight in weights.items()]}


def test_from_events_to_applied_shares(experiments: ExperimentsTable) -> None:
    built()
    put_events(experiments)
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2126-01-01T00:00:00Z"}, None)
    assert counted["running"]
    assert counted["message"] == "Counted up to 2126-01-01T00:00:00.000Z. Invocations: 20; malformed lines: 1."
    decided = decide.handler(
        {"evidence": counted["evidence"], "endpoint": described(Champion1=0.5, Challenger1=0.5)}, None
    )
    assert decided["move"]
    assert decided["decision"]["counts"]["Challenger1"]["reward_sum"] == 10
    shares = {item["VariantName"]: item["DesiredWeight"] for item in decided["desired_weights"]}
    assert shares == decided["decision"]["new_shares"]
    assert shares["Challenger1"] > 0.95  # 10 of 10 against 0 of 10 decide
    assert decided["decision"]["e_values"]["Champion1"] > decided["decision"]["e_value_threshold"]
    assert json.loads(json.dumps(decided)) == decided
    recorded = record_decision.handler({"decision": decided["decision"], "execution": "r"}, None)
    assert (recorded["applied"], recorded["decided"]) == (True, True)
    assert recorded["decision_id"] == "reviews-dev-v1-1-d000001"
    running = experiments.current(ENDPOINT)
    assert running is not None and dict(running.shares) == pytest.approx(shares)
    late = record_decision.handler({"decision": decided["decision"], "execution": "other"}, None)
    assert not late["applied"]


def test_a_winner_is_announced_once_its_decision_is_applied(experiments: ExperimentsTable) -> None:
    built()
    current = running(experiments)
    won = samples.decision(current, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    recorded = record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    assert (recorded["applied"], recorded["decided"]) == (True, True)
    assert recorded["announcement"] == {
        "experiment_id": "reviews-dev-v1-1",
        "endpoint_name": ENDPOINT,
        "decision_id": "reviews-dev-v1-1-d000001",
        "leader": "Challenger1",
        "reason": "because",
    }
    late = record_decision.handler({"decision": won.to_json(), "execution": "other"}, None)
    assert (late["applied"], late["decided"]) == (False, False)


def test_what_is_decided_now_is_promoted_once_and_nothing_else(experiments: ExperimentsTable) -> None:
    nothing = {"change": "none", "message": f"Nothing is decided on {ENDPOINT}."}
    assert promote.handler(EXECUTION, None) == nothing
    built()
    assert promote.handler(EXECUTION, None) == nothing
    current = running(experiments)
    won = samples.decision(current, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    assert [promote.handler(EXECUTION, None)["change"] for _ in range(2)] == ["registered", "none"]
    (made, _) = registry.packages("reviews-champion")
    assert (made.version, made.status) == (2, "PendingManualApproval")


def test_a_winner_that_somebody_rejected_is_left_and_is_no_failure(experiments: ExperimentsTable) -> None:
    built()
    current = running(experiments)
    won = samples.decision(current, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    registry.set_status(current.variants[1].model_package_arn, "Rejected", "")
    said = "Challenger1 is rejected in the registry: approve it first, or let it be"
    assert [promote.handler(EXECUTION, None) for _ in range(2)] == [{"change": "none", "message": said}] * 2
    assert len(registry.packages("reviews-champion")) == 1
    registry.set_status(current.variants[1].model_package_arn, "Approved", "")
    assert promote.handler(EXECUTION, None)["change"] == "registered"


def test_parked_events_are_sent(experiments: ExperimentsTable) -> None:
    bucket = {"RoleARN": "arn:aws:iam::000000000000:role/firehose", "BucketARN": "arn:aws:s3:::bucket"}
    boto3.client("firehose").create_delivery_stream(
        DeliveryStreamName="stream", ExtendedS3DestinationConfiguration=bucket
    )
    table = assignments_table.AssignmentsTable("assignments")
    for number in range(30):
        table.park(f"event{number}", f"line{number}")
    count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2026-01-01T00:00:00Z"}, None)
    assert table.parked(1) == []
    assert len(boto3.client("s3").list_objects_v2(Bucket="bucket")["Contents"]) == 30


def test_parked_events_that_cannot_be_sent_do_not_stop_the_count(experiments: ExperimentsTable) -> None:
    assignments_table.AssignmentsTable("assignments").park("event", "line")  # there is no stream
    built()
    put_events(experiments)
    assert count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2126-01-01T00:00:00Z"}, None)["running"]
    assert len(assignments_table.AssignmentsTable("assignments").parked(2)) == 1


def test_counting_without_an_experiment() -> None:
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2026-01-01T00:00:00Z"}, None)
    assert counted == {"running": False, "message": f"No experiment runs on {ENDPOINT}.", "evidence": ""}


def test_alarms_are_set_and_one_that_rises_takes_the_variant_out_once(
    experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(executions, "start", lambda machine, data: started.append((machine, data)))
    monkeypatch.setenv("REBALANCE_STATE_MACHINE_ARN", "arn:rebalance")
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps({"project_name": "reviews", "stage_name": "dev", "canary": {}}))
    read.cache_clear()
    name = f"{ENDPOINT}/Challenger1/5xx-rate"
    assert set_alarms.handler({"experiment": built()["experiment"]}, None) == {"alarms": [name]}
    rose = {
        "id": "event",
        "detail": {
            "alarmName": name,
            "state": {"value": "ALARM", "reason": "Threshold Crossed: 1 datapoint."},
            "configuration": {"description": "5XX rate above 0.05"},
        },
    }
    assert take_out.handler(rose, None) == {"variant_name": "Challenger1", "taken_out": True}
    assert take_out.handler(rose, None) == {"variant_name": "Challenger1", "taken_out": False}
    assert started == [("arn:rebalance", {"endpoint_name": ENDPOINT})] * 2
    current = running(experiments)
    assert current.out == {"Challenger1": "5XX rate above 0.05. Threshold Crossed: 1 datapoint."}
    monkeypatch.setenv("EXPERIMENT_CONFIG", ENVIRONMENT["EXPERIMENT_CONFIG"])
    read.cache_clear()
    assert set_alarms.handler({"experiment": built()["experiment"]}, None) == {"alarms": []}
    assert boto3.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
