import datetime
import os
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from abtest.adapters import experiments_table
from abtest.cli import summary
from abtest.cli.errors import UserError
from abtest.experiment.experiment import Experiment
from abtest.experiment.variants import Shares, Variant, VariantCounts
from tests.report.test_page import decision

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NAMES = ("Champion1", "Challenger1")


def experiment(**changes: object) -> Experiment:
    variants = tuple(Variant(name, f"arn:{name}", 1.0, START) for name in NAMES)
    known = {
        "experiment_id": "reviews-demo-v1-1",
        "endpoint_name": "sagemaker-reviews-demo",
        "project": "reviews",
        "stage": "demo",
        "champion_version": 1,
        "strategy": "ThompsonSampling",
        "variants": variants,
        "shares": Shares({"Champion1": 0.02, "Challenger1": 0.98}),
        "started_at": START,
    }
    return Experiment(**known | changes)  # type: ignore[arg-type]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        experiments_table.client.cache_clear()
        keys = [("endpoint_name", "HASH"), ("item", "RANGE")]
        boto3.client("dynamodb").create_table(
            TableName="experiments",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        yield "experiments"
    experiments_table.client.cache_clear()


def test_an_endpoint_without_an_experiment_is_a_clear_error(table: str) -> None:
    with pytest.raises(UserError, match="sagemaker-reviews-demo has no experiment yet: approve a champion"):
        summary.current(table, "sagemaker-reviews-demo")


def test_the_summary_has_what_design_promises() -> None:
    counts = {"Champion1": VariantCounts(invocation_count=100, conversion_count=57, reward_sum=57.0)}
    document = summary.summarise(experiment(counts=counts), [decision(1), decision(2)])
    champion, challenger = document["variants"]
    assert champion["variant_name"] == "Champion1"
    assert champion["model_package_arn"] == "arn:Champion1"
    assert (champion["initial_weight"], champion["current_weight"]) == (0.5, 0.02)
    assert (champion["traffic_share"], challenger["traffic_share"]) == (1.0, 0.0)
    assert (champion["invocation_count"], champion["conversion_count"], champion["reward_sum"]) == (100, 57, 57.0)
    assert challenger["probability_best"] == 0.97
    assert [r["weights"]["Champion1"] for r in document["rounds"]] == [0.1, 0.06]
    assert all(r["decided_at"] and r["reason"] for r in document["rounds"])
    assert document["decision"]["status"] == "running"
    assert document["decision"]["leader"] == "Challenger1"
    assert document["decision"]["value_remaining"] == 0.02


def test_before_the_first_rebalance_nothing_is_claimed() -> None:
    document = summary.summarise(experiment(), [])
    assert document["decision"] == {
        "status": "running",
        "leader": None,
        "value_remaining": None,
        "reason": "No rebalance has run yet.",
    }
    assert [v["traffic_share"] for v in document["variants"]] == [0.0, 0.0]
    assert [v["probability_best"] for v in document["variants"]] == [None, None]
