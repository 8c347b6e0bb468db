import dataclasses
import datetime
import json

import pytest

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.shown import summary
from abtest.cli.shown.output import UserError
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.findings import Finding
from abtest.experiment.record.variants import Shares, Variant, VariantCounts
from abtest.report import words
from tests.experiment import samples
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
        "variants": variants,
        "shares": Shares({"Champion1": 0.02, "Challenger1": 0.98}),
        "started_at": START,
    }
    return samples.experiment(**known | changes)


def test_an_endpoint_without_an_experiment_is_a_clear_error(experiments: ExperimentsTable) -> None:
    with pytest.raises(UserError, match="sagemaker-reviews-demo has no experiment yet: approve a champion"):
        summary.latest({"ExperimentsTableName": "experiments"}, "sagemaker-reviews-demo")


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


def test_the_summary_says_what_was_set_how_large_the_effect_is_and_what_is_wrong() -> None:
    finding = Finding("drift", "warning", "Drift: it moved.", {"early": 0.1})
    last = dataclasses.replace(
        decision(2),
        status="decided",
        settings=samples.settings(margin=0.01),
        guarantee="It holds.",
        findings=(finding,),
    )
    begun = experiment(mode="earn_first", objective="minimize", margin=0.01, time_limit_hours=72.0)
    document = summary.summarise(begun, [decision(1), last])
    assert [document[name] for name in ("mode", "objective", "margin", "time_limit_hours")] == [
        *("earn_first", "minimize"),
        *(0.01, 72.0),
    ]
    assert document["findings"] == [finding.to_json()]
    assert document["decision"]["effects"]["Champion1"]["high"] == 0.3
    assert (document["decision"]["guarantee"], document["decision"]["margin"]) == ("It holds.", 0.01)
    assert [(r["status"], r["leader"]) for r in document["rounds"]] == [
        ("running", "Challenger1"),
        ("decided", "Challenger1"),
    ]
    assert [variant["cost"] for variant in document["variants"]] == [0.0, 0.0]
    assert json.loads(json.dumps(document)) == document


def test_the_first_share_is_the_one_with_which_a_variant_joined() -> None:
    alone = dataclasses.replace(
        decision(1), old_shares=Shares({"Champion1": 1.0}), new_shares=Shares({"Champion1": 1.0})
    )
    document = summary.summarise(experiment(), [alone, decision(2), decision(3)])
    assert [variant["initial_weight"] for variant in document["variants"]] == [1.0, 0.94]


def test_before_the_first_rebalance_nothing_is_claimed() -> None:
    document = summary.summarise(experiment(), [])
    assert document["decision"] == {
        "status": "running",
        "leader": None,
        "users": 0,
        "value_remaining": None,
        "reason": words.UNSEEN,
    }
    assert document["findings"] == []
    assert [v["traffic_share"] for v in document["variants"]] == [0.0, 0.0]
    assert [v["probability_best"] for v in document["variants"]] == [None, None]
