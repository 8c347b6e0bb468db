"""The functions of build-endpoint, as the machine calls them."""

import json
from typing import Any

import boto3
import pytest

from abtest.adapters import releases
from abtest.adapters.counts_store import CountsStore
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.handlers import (
    acquire_lease,
    clean_up,
    count_events,
    record_decision,
    register_experiment,
    release_lease,
    select_variants,
)
from tests.adapters import conftest, samples
from tests.adapters.samples import ENDPOINT
from tests.handlers import machines
from tests.handlers.machines import (
    ENVIRONMENT,
    EXECUTION,
    MISSING,
    approved,
    built,
    of,
    put_events,
    registered,
    running,
)

pytestmark = pytest.mark.usefixtures("environment")

aws, experiments, environment = conftest.aws, conftest.experiments, machines.environment


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
    current = running(experiments)
    moved = samples.decision(current, {"Champion1": 0.2, "Challenger1": 0.8})
    record_decision.handler({"decision": moved.to_json(), "execution": "r"}, None)
    other = {"EndpointStatus": "InService", "EndpointConfigName": "other"}
    selected = select_variants.handler({"endpoint": other}, None)
    assert selected["action"] == "update"
    assert [v["InitialVariantWeight"] for v in selected["production_variants"]] == [0.2, 0.8]


def test_registering_twice_changes_nothing() -> None:
    selected = built()
    again = register_experiment.handler(EXECUTION | of(selected), None)
    assert again == {"experiment_id": "reviews-dev-v1-1", "change": "none"}


def counts_now() -> dict[str, Any]:
    """The running experiment's counts, by variant."""
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": "2126-01-01T00:00:00Z"}, None)
    _, counts = CountsStore("bucket").get(counted["evidence"])
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

    table = ExperimentsTable("experiments")
    known = releases.get(table, ENDPOINT)
    table.transact(releases.put(ENDPOINT, known, known.wanting(before.experiment_id)))
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
