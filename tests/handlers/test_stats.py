"""POST /stats: what the last rebalance counted."""

import datetime

from abtest.adapters import table
from abtest.experiment.record.variants import VariantCounts
from abtest.handlers import stats
from tests.handlers.conftest import ENDPOINT, VARIANTS, World, experiment, store

ASKED = {"endpoint_name": ENDPOINT}
UNTIL = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def test_before_the_first_rebalance_all_counts_are_zero(world: World) -> None:
    status, answer = world.post(stats, ASKED)
    assert status == 200
    assert answer["counted_until"] is None
    assert [metrics["variant_name"] for metrics in answer["variant_metrics"]] == list(VARIANTS)
    assert {metrics["invocation_count"] for metrics in answer["variant_metrics"]} == {0}


def test_the_counts_of_the_last_rebalance(world: World) -> None:
    counts = {"Champion1": VariantCounts(10, 3, 2.5), "Challenger1": VariantCounts(20, 9, 9.0)}
    store(experiment(counts=counts, counted_until=UNTIL, epsilon=0.2, warmup=50))
    _, answer = world.post(stats, ASKED)
    assert answer["counted_until"] == "2026-01-02T00:00:00.000Z"
    assert (answer["strategy"], answer["epsilon"], answer["warmup"]) == ("ThompsonSampling", 0.2, 50)
    champion = answer["variant_metrics"][0]
    assert champion["endpoint_name"] == ENDPOINT
    assert champion["initial_variant_weight"] == 1.0
    assert (champion["invocation_count"], champion["conversion_count"], champion["reward_sum"]) == (10, 3, 2.5)


def test_refusals(world: World) -> None:
    assert world.post(stats, {})[0] == 400
    assert world.post(stats, {"endpoint_name": "another"})[0] == 403
    assert world.post(stats, {"endpoint_name": "sagemaker-reviews-prod"})[0] == 404
    world.breaks(table, "dynamodb")
    assert world.post(stats, ASKED)[0] == 503
