"""A shadow, from the selection to the verdict."""

import json
from typing import Any

import boto3
import pytest

from abtest.adapters import captures, registry, shadows
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.shadow import Pair, Shadow
from abtest.handlers import compare_shadow, select_variants
from abtest.handlers.environment import read
from tests.adapters import conftest, samples
from tests.adapters.samples import ENDPOINT
from tests.handlers import machines
from tests.handlers.machines import ENVIRONMENT, MISSING, approved, built, of

pytestmark = pytest.mark.usefixtures("environment")

aws, experiments, environment = conftest.aws, conftest.experiments, machines.environment


SHADOWED = {
    **json.loads(ENVIRONMENT["EXPERIMENT_CONFIG"]),
    "shadow": {"minutes": 1e-9, "least_requests": 1, "most_latency_ratio": 2},
}


def test_who_serves_already_is_not_put_in_shadow_by_a_new_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = built()
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    read.cache_clear()
    selected = select_variants.handler(MISSING, None)
    assert (selected["in_shadow"], of(selected)) == (False, of(before))
    approved("challenger")
    assert select_variants.handler(MISSING, None)["in_shadow"]


def test_the_time_of_a_shadow_begins_when_it_is_deployed(
    monkeypatch: pytest.MonkeyPatch, experiments: ExperimentsTable
) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    read.cache_clear()
    approved("champion"), approved("challenger")
    selected = select_variants.handler(MISSING, None)
    begun = Shadow(Pair(**selected["shadow"]), samples.NOW)
    experiments.transact([shadows.begin(ENDPOINT, begun)])
    serving = {"EndpointStatus": "InService", "EndpointConfigName": selected["endpoint_config_name"]}
    select_variants.handler({"endpoint": serving}, None)
    assert len(shadows.all_of(experiments, ENDPOINT)) == 1
    select_variants.handler({"endpoint": serving | {"EndpointConfigName": "of another shadow"}}, None)
    assert shadows.all_of(experiments, ENDPOINT) == []


def test_who_is_rejected_meanwhile_leaves_the_shadow_without_a_verdict(
    monkeypatch: pytest.MonkeyPatch, experiments: ExperimentsTable
) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps({**SHADOWED, "shadow": {}}))
    read.cache_clear()
    approved("champion")
    challenger = approved("challenger")
    event = {"shadow": select_variants.handler(MISSING, None)["shadow"]}
    assert not compare_shadow.handler(event, None)["judged"]
    registry.set_status(challenger, "Rejected", "by Anna")
    over = {"judged": True, "message": "Challenger1 is not approved any more: its shadow ends."}
    assert [compare_shadow.handler(event, None) for _ in range(2)] == [over] * 2
    assert shadows.all_of(experiments, ENDPOINT) == []
    assert not select_variants.handler(MISSING, None)["in_shadow"]


def test_a_configuration_without_a_shadow_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = {"champion_name": "A", "champion_arn": "arn:a", "challenger_name": "B", "challenger_arn": "arn:b"}
    ended = compare_shadow.handler({"shadow": pair}, None)
    assert ended == {"judged": True, "message": "The configuration has no shadow any more."}


@pytest.mark.parametrize("passed", [True, False])
def test_a_challenger_is_in_shadow_until_it_is_judged(monkeypatch: pytest.MonkeyPatch, passed: bool) -> None:
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(SHADOWED))
    read.cache_clear()
    approved("champion")
    challenger = approved("challenger")
    selected = select_variants.handler(MISSING, None)
    assert selected["in_shadow"]
    names = [[v["VariantName"] for v in selected[key]] for key in ("production_variants", "shadow_variants")]
    assert names == [["Champion1"], ["Challenger1"]]
    assert selected["data_capture"]["DestinationS3Uri"] == "s3://bucket/captures"
    assert [variant["variant_name"] for variant in (selected["experiment"] or {})["variants"]] == ["Champion1"]
    assert len(selected["models"]) == 2

    answers: list[dict[str, str]] = [{}, {}]

    def answered(*where: Any, **_: Any) -> list[dict[str, str]]:
        assert where == ("bucket", ENDPOINT, ("Champion1", "Challenger1"))
        return answers

    monkeypatch.setattr(captures, "answers", answered)
    waiting = compare_shadow.handler({"shadow": selected["shadow"]}, None)
    assert waiting == {"judged": False, "message": "Challenger1 is in shadow: 0 of 1 requests."}
    answers = [{"request": "0.9"}, {"request": "0.8" if passed else "0.1"}]
    for _ in range(2):
        assert compare_shadow.handler({"shadow": selected["shadow"]}, None)["judged"]
    after = select_variants.handler(MISSING, None)
    assert not after["in_shadow"]
    assert after["endpoint_config_name"] != selected["endpoint_config_name"]
    served = [variant["VariantName"] for variant in after["production_variants"]]
    assert served == (["Champion1", "Challenger1"] if passed else ["Champion1"])
    status = boto3.client("sagemaker").describe_model_package(ModelPackageName=challenger)["ModelApprovalStatus"]
    assert status == ("Approved" if passed else "Rejected")
