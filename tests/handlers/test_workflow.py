"""The handlers of the state machines, on moto, as the machines call them."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from abtest.adapters import assignments_table, captures, event_stream, executions, registry
from abtest.adapters.evidence import Evidence
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.releases import ReleasesTable
from abtest.adapters.shadows import Pair, Shadows
from abtest.experiment.events import Conversion, Invocation
from abtest.experiment.shadow import Measured
from abtest.handlers import (
    acquire_lease,
    clean_up,
    compare_shadow,
    count_events,
    decide,
    promote,
    record_decision,
    register_experiment,
    release_lease,
    select_variants,
    set_alarms,
    settings,
    take_out,
)
from tests.adapters import conftest, samples
from tests.adapters.samples import ENDPOINT

aws = conftest.aws
experiments = conftest.experiments

ENVIRONMENT = {
    "EXPERIMENT_CONFIG": json.dumps({"project_name": "reviews", "stage_name": "dev", "warmup": 2}),
    "EXPERIMENTS_TABLE_NAME": "experiments",
    "ASSIGNMENTS_TABLE_NAME": "assignments",
    "DELIVERY_STREAM_NAME": "stream",
    "BUCKET_NAME": "bucket",
    "ENDPOINT_NAME": ENDPOINT,
    "CHAMPION_GROUP_NAME": "reviews-champion",
    "CHALLENGER_GROUP_NAME": "reviews-challenger",
    "MODEL_EXECUTION_ROLE_ARN": "arn:aws:iam::000000000000:role/models",
}
MISSING = {"endpoint": {"EndpointStatus": "Missing", "EndpointConfigName": ""}}
EXECUTION = {"execution": "arn:execution"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, experiments: ExperimentsTable) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for group in ("reviews-champion", "reviews-challenger"):
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    boto3.client("s3").create_bucket(Bucket="bucket")
    conftest.create_table("assignments", "user")
    for module in (assignments_table, event_stream):
        module.client.cache_clear()
    settings.read.cache_clear()
    yield
    settings.read.cache_clear()


def approved(role: str) -> str:
    arn: str = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=f"reviews-{role}", ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    return arn


def built() -> select_variants.Selected:
    """A registered experiment of a champion and a challenger."""
    approved("champion"), approved("challenger")
    selected = select_variants.handler(MISSING, None)
    acquire_lease.handler(EXECUTION, None)
    register_experiment.handler(EXECUTION | of(selected), None)
    return selected


def of(selected: select_variants.Selected) -> dict[str, Any]:
    """What RegisterExperiment is told of a selection."""
    return {"experiment": selected["experiment"], "endpoint_config_name": selected["endpoint_config_name"]}


def test_nothing_approved_is_nothing_to_do() -> None:
    selected = select_variants.handler(MISSING, None)
    assert (selected["action"], selected["models"], selected["experiment"]) == ("nothing", [], None)
    assert selected["reason"] == "No model package of reviews-champion is approved."


def test_approved_packages_are_selected_for_a_new_endpoint() -> None:
    champion, challenger = approved("champion"), approved("challenger")
    selected = select_variants.handler(MISSING, None)
    assert selected["action"] == "create"
    assert sorted(model["package_arn"] for model in selected["models"]) == sorted([champion, challenger])
    assert [v["InitialVariantWeight"] for v in selected["production_variants"]] == [0.5, 0.5]
    assert {v["ModelName"] for v in selected["production_variants"]} == {m["name"] for m in selected["models"]}
    assert json.loads(json.dumps(selected)) == selected


def test_an_endpoint_that_serves_the_selection_is_only_registered() -> None:
    selected = built()
    endpoint = {"EndpointStatus": "InService", "EndpointConfigName": selected["endpoint_config_name"]}
    assert select_variants.handler({"endpoint": endpoint}, None)["action"] == "register"


def test_an_update_carries_the_current_shares(experiments: ExperimentsTable) -> None:
    built()
    running = experiments.current(ENDPOINT)
    assert running is not None
    moved = samples.decision(running, {"Champion1": 0.2, "Challenger1": 0.8})
    record_decision.handler({"decision": moved.to_json(), "execution": "r"}, None)
    other = {"EndpointStatus": "InService", "EndpointConfigName": "other"}
    selected = select_variants.handler({"endpoint": other}, None)
    assert selected["action"] == "update"
    assert [v["InitialVariantWeight"] for v in selected["production_variants"]] == [0.2, 0.8]


def test_registering_twice_changes_nothing() -> None:
    selected = built()
    again = register_experiment.handler(EXECUTION | of(selected), None)
    assert again == {"experiment_id": "reviews-dev-v1-1", "change": "none"}


def registered(selected: select_variants.Selected) -> str:
    return register_experiment.handler(EXECUTION | of(selected), None)["change"]


def counts_now() -> dict[str, Any]:
    """The running experiment's counts, by variant."""
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2126-01-01T00:00:00Z"}, None)
    _, counts = Evidence("bucket").get(counted["evidence"])
    return {name: one.to_json() for name, one in counts.variants.items()}


def test_a_rollback_brings_back_the_experiment_its_shares_and_its_counts(experiments: ExperimentsTable) -> None:
    built()
    put_events(experiments)
    before, counts = experiments.current(ENDPOINT), counts_now()
    assert before is not None and counts["Challenger1"]["reward_sum"] == 10
    moved = samples.decision(before, {"Champion1": 0.2, "Challenger1": 0.8})
    record_decision.handler({"decision": moved.to_json(), "execution": "r"}, None)
    newer = approved("champion")
    assert registered(select_variants.handler(MISSING, None)) == "begun"
    assert counts_now() == {}

    table = ReleasesTable("experiments")
    table.want_back(ENDPOINT, table.releases(ENDPOINT), before.experiment_id)
    boto3.client("sagemaker").update_model_package(ModelPackageArn=newer, ModelApprovalStatus="Rejected")
    selected = select_variants.handler(MISSING, None)
    assert [v["InitialVariantWeight"] for v in selected["production_variants"]] == [0.2, 0.8]
    assert registered(selected) == "resumed"
    assert counts_now() == counts


def test_clean_up_keeps_what_serves_and_the_way_back() -> None:
    sagemaker = boto3.client("sagemaker")
    image = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"}
    made = []
    for _ in range(3):
        approved("champion")
        acquire_lease.handler(EXECUTION, None)
        selected = select_variants.handler(MISSING, None)
        for model in selected["models"]:
            role = ENVIRONMENT["MODEL_EXECUTION_ROLE_ARN"]
            sagemaker.create_model(ModelName=model["name"], ExecutionRoleArn=role, PrimaryContainer=image)
        name = selected["endpoint_config_name"]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=selected["production_variants"])
        registered(selected)
        made.append((name, selected["models"][0]["name"]))
    assert clean_up.handler({"execution": "another"}, None) == {"deleted": []}  # which has no lease
    assert clean_up.handler(EXECUTION, None) == {"deleted": list(made[0])}
    assert clean_up.handler(EXECUTION, None) == {"deleted": []}


def test_the_lease_is_for_one_execution() -> None:
    assert acquire_lease.handler({"execution": "a"}, None) == {"acquired": True}
    assert acquire_lease.handler({"execution": "b"}, None) == {"acquired": False}
    assert release_lease.handler({"execution": "a"}, None) == {"released": True}
    assert acquire_lease.handler({"execution": "b"}, None) == {"acquired": True}


def put_events(experiments: ExperimentsTable) -> None:
    """Ten users of each variant; all of the challenger's convert. And a line that is no event."""
    running = experiments.current(ENDPOINT)
    assert running is not None
    lines = ["no event"]
    for variant in running.variant_names:
        for number in range(10):
            common: dict[str, Any] = {
                "timestamp": running.started_at,
                "experiment_id": running.experiment_id,
                "endpoint_name": ENDPOINT,
                "endpoint_variant": variant,
                "target_variant": variant,
                "strategy": running.strategy,
                "inference_id": f"{variant}{number}",
                "user_id": f"{variant}{number}",
            }
            lines.append(Invocation(**common).to_line())
            if variant.startswith("Challenger"):
                lines.append(Conversion(**common, reward=1.0, invocation_timestamp=running.started_at).to_line())
    hour = running.started_at.strftime("%Y/%m/%d/%H")
    boto3.client("s3").put_object(Bucket="bucket", Key=f"events/{hour}/a", Body="\n".join(lines).encode())


def described(**weights: float) -> dict[str, Any]:
    return {"ProductionVariants": [{"VariantName": name, "CurrentWeight": weight} for name, weight in weights.items()]}


def test_from_events_to_applied_shares(experiments: ExperimentsTable) -> None:
    built()
    put_events(experiments)
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2126-01-01T00:00:00Z"}, None)
    assert counted["running"]
    assert counted["message"] == "20 invocations counted up to 2126-01-01T00:00:00.000Z; 1 malformed lines."
    decided = decide.handler(
        {"evidence": counted["evidence"], "endpoint": described(Champion1=0.5, Challenger1=0.5)}, None
    )
    assert decided["move"]
    assert decided["decision"]["counts"]["Challenger1"]["reward_sum"] == 10
    shares = {item["VariantName"]: item["DesiredWeight"] for item in decided["desired_weights"]}
    assert shares == decided["decision"]["new_shares"]
    assert shares["Challenger1"] > 0.9
    assert json.loads(json.dumps(decided)) == decided
    recorded = record_decision.handler({"decision": decided["decision"], "execution": "r"}, None)
    assert (recorded["applied"], recorded["decided"]) == (True, False)
    assert recorded["decision_id"] == "reviews-dev-v1-1-d000001"
    running = experiments.current(ENDPOINT)
    assert running is not None and dict(running.shares) == pytest.approx(shares)
    late = record_decision.handler({"decision": decided["decision"], "execution": "other"}, None)
    assert not late["applied"]


def test_a_winner_is_announced_once_its_decision_is_applied(experiments: ExperimentsTable) -> None:
    built()
    running = experiments.current(ENDPOINT)
    assert running is not None
    won = samples.decision(running, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
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
    running = experiments.current(ENDPOINT)
    assert running is not None
    won = samples.decision(running, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    assert [promote.handler(EXECUTION, None)["change"] for _ in range(2)] == ["registered", "none"]
    (made, _) = registry.packages("reviews-champion")
    assert (made.version, made.status) == (2, "PendingManualApproval")


def test_a_winner_that_somebody_rejected_is_left_and_is_no_failure(experiments: ExperimentsTable) -> None:
    built()
    running = experiments.current(ENDPOINT)
    assert running is not None
    won = samples.decision(running, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    registry.set_status(running.variants[1].model_package_arn, "Rejected", "")
    said = "Challenger1 is rejected in the registry: approve it first, or let it be"
    assert [promote.handler(EXECUTION, None) for _ in range(2)] == [{"change": "none", "message": said}] * 2
    assert len(registry.packages("reviews-champion")) == 1
    registry.set_status(running.variants[1].model_package_arn, "Approved", "")
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
    settings.read.cache_clear()
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
    running = experiments.current(ENDPOINT)
    assert running is not None
    assert running.out == {"Challenger1": "5XX rate above 0.05. Threshold Crossed: 1 datapoint."}
    monkeypatch.setenv("EXPERIMENT_CONFIG", ENVIRONMENT["EXPERIMENT_CONFIG"])
    settings.read.cache_clear()
    assert set_alarms.handler({"experiment": built()["experiment"]}, None) == {"alarms": []}
    assert boto3.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


SHADOWED = {
    **json.loads(ENVIRONMENT["EXPERIMENT_CONFIG"]),
    "shadow": {"minutes": 1e-9, "least_requests": 1, "most_latency_ratio": 2},
}


def test_who_serves_already_is_not_put_in_shadow_by_a_new_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = built()
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    settings.read.cache_clear()
    selected = select_variants.handler(MISSING, None)
    assert (selected["in_shadow"], of(selected)) == (False, of(before))
    approved("challenger")
    assert select_variants.handler(MISSING, None)["in_shadow"]


def test_the_time_of_a_shadow_begins_when_it_is_deployed(
    monkeypatch: pytest.MonkeyPatch, experiments: ExperimentsTable
) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    settings.read.cache_clear()
    approved("champion"), approved("challenger")
    shadows = Shadows("experiments", ENDPOINT)
    selected = select_variants.handler(MISSING, None)
    shadows.begun(Pair(**selected["shadow"]), samples.NOW)
    serving = {"EndpointStatus": "InService", "EndpointConfigName": selected["endpoint_config_name"]}
    select_variants.handler({"endpoint": serving}, None)
    assert len(shadows.all()) == 1
    select_variants.handler({"endpoint": serving | {"EndpointConfigName": "of another shadow"}}, None)
    assert shadows.all() == []


def test_who_is_rejected_meanwhile_leaves_the_shadow_without_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps({**SHADOWED, "shadow": {}}))
    settings.read.cache_clear()
    approved("champion")
    challenger = approved("challenger")
    event = {"shadow": select_variants.handler(MISSING, None)["shadow"]}
    assert not compare_shadow.handler(event, None)["judged"]
    registry.set_status(challenger, "Rejected", "by Anna")
    over = {"judged": True, "message": "Challenger1 is not approved any more: its shadow ends."}
    assert [compare_shadow.handler(event, None) for _ in range(2)] == [over] * 2
    assert Shadows("experiments", ENDPOINT).all() == []
    assert not select_variants.handler(MISSING, None)["in_shadow"]


@pytest.mark.parametrize(("agreeing", "passed"), [(1, True), (0, False)])
def test_a_challenger_is_in_shadow_until_it_is_judged(
    monkeypatch: pytest.MonkeyPatch, agreeing: int, passed: bool
) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    settings.read.cache_clear()
    approved("champion")
    challenger = approved("challenger")
    selected = select_variants.handler(MISSING, None)
    assert selected["in_shadow"]
    names = [[v["VariantName"] for v in selected[key]] for key in ("production_variants", "shadow_variants")]
    assert names == [["Champion1"], ["Challenger1"]]
    assert selected["data_capture"]["DestinationS3Uri"] == "s3://bucket/captures"
    assert [variant["variant_name"] for variant in (selected["experiment"] or {})["variants"]] == ["Champion1"]
    assert len(selected["models"]) == 2

    measured = Measured(pairs=0)
    monkeypatch.setattr(captures, "measured", lambda *_, **__: measured)
    waiting = compare_shadow.handler({"shadow": selected["shadow"]}, None)
    assert waiting == {"judged": False, "message": "Challenger1 is in shadow: 0 of 1 requests."}
    measured = Measured(pairs=1, agreeing=agreeing)
    for _ in range(2):
        assert compare_shadow.handler({"shadow": selected["shadow"]}, None)["judged"]
    after = select_variants.handler(MISSING, None)
    assert not after["in_shadow"]
    assert after["endpoint_config_name"] != selected["endpoint_config_name"]
    served = [variant["VariantName"] for variant in after["production_variants"]]
    assert served == (["Champion1", "Challenger1"] if passed else ["Champion1"])
    status = boto3.client("sagemaker").describe_model_package(ModelPackageName=challenger)["ModelApprovalStatus"]
    assert status == ("Approved" if passed else "Rejected")
