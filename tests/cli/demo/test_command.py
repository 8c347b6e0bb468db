"""The whole demo on the real reviews, twice with one seed, and once with another and a gate that refuses."""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.demo.running import Demo, real_reviews

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.timeout(600)]

Json = dict[str, Any]

USERS, ROUNDS = 90, 3
VARIANTS = ["Champion1", "Challenger1"]
NUMBERS = ("initial_weight", "current_weight", "traffic_share", "reward_sum", "probability_best", "test_accuracy")


@dataclass(frozen=True)
class Runs:
    """All have ended."""

    first: Demo
    again: Demo
    refused: Demo


@pytest.fixture(scope="module")
def runs(start_demo: Callable[..., Demo]) -> Runs:
    options = {"REVIEWS": real_reviews(), "USERS": str(USERS), "ROUNDS": str(ROUNDS)}
    floor = {"SEED": "2", "PARAMS": "AccuracyFloor=0.99 MaximumTuningJobs=3"}
    made = Runs(
        start_demo(**options, SEED="1"),
        start_demo(**options, SEED="1"),
        start_demo(**options, **floor),
    )
    assert [made.first.end(), made.again.end(), made.refused.end()] == [0, 0, 1], made.first.told + made.again.told
    return made


@pytest.fixture(scope="module")
def summary(runs: Runs) -> Json:
    return runs.first.summary


def test_it_tells_each_phase_and_prints_the_result_last(runs: Runs) -> None:
    phases = [line for line in runs.first.lines if line.startswith("== ")]
    assert len(phases) == 8
    rounds = len(
        [line for line in runs.first.lines if re.match(rf"round \d of {ROUNDS}: {USERS // ROUNDS} users", line)]
    )
    assert rounds == len(runs.first.summary["rounds"])
    assert "abtest:" not in runs.first.told
    *_, summary_path, report_path = runs.first.output.splitlines()
    assert [Path(summary_path).name, Path(report_path).name] == ["summary.json", "report.html"]
    assert all(name in runs.first.output for name in VARIANTS)


def test_the_reviews_are_those_of_the_files(summary: Json) -> None:
    assert summary["reviews"] == {"source": real_reviews(), "rows_read": 13072, "rows_kept": 1444, "notes": []}


def test_each_variant_has_its_numbers(summary: Json) -> None:
    assert summary["endpoint_name"] == "sagemaker-reviews-demo"
    assert summary["experiment_id"] == "reviews-demo-v1-1"
    assert [variant["variant_name"] for variant in summary["variants"]] == VARIANTS
    for variant, group in zip(summary["variants"], ("reviews-champion", "reviews-challenger"), strict=True):
        assert variant["model_package_arn"].endswith(f":model-package/{group}/1")
        assert all(isinstance(variant[name], float) for name in NUMBERS)
        assert all(isinstance(variant[name], int) for name in ("invocation_count", "conversion_count", "test_rows"))
        assert variant["conversion_count"] == variant["reward_sum"] <= variant["invocation_count"]
        low, high = variant["test_accuracy_interval"]
        assert 0.55 < variant["test_accuracy"] < 0.75 and low < variant["test_accuracy"] < high


def test_the_numbers_agree(summary: Json) -> None:
    variants = summary["variants"]
    invocations = [variant["invocation_count"] for variant in variants]
    served = USERS // ROUNDS * len(summary["rounds"])
    assert sum(invocations) == served
    assert [variant["traffic_share"] for variant in variants] == pytest.approx([n / served for n in invocations])
    for name in ("initial_weight", "current_weight", "traffic_share", "probability_best"):
        assert sum(variant[name] for variant in variants) == pytest.approx(1.0)
    assert {v["variant_name"]: v["current_weight"] for v in variants} == summary["rounds"][-1]["weights"]


def test_each_round_has_moved_or_kept_the_weights_for_a_reason(summary: Json) -> None:
    rounds = summary["rounds"]
    assert len(rounds) == ROUNDS or summary["decision"]["status"] == "decided"
    assert [item["decided_at"] for item in rounds] == sorted(item["decided_at"] for item in rounds)
    for item in rounds:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["decided_at"])
        assert item["reason"].endswith(".")
        assert sum(item["weights"].values()) == pytest.approx(1.0)
        assert list(item["weights"]) == VARIANTS
    assert rounds[-1]["weights"] != dict.fromkeys(VARIANTS, 0.5), "the burn-in is over by then"


def test_the_decision_is_honest(summary: Json) -> None:
    decision = summary["decision"]
    best = max(summary["variants"], key=lambda variant: float(variant["probability_best"]))
    assert decision["status"] in ("running", "decided")
    assert decision["leader"] == best["variant_name"]
    assert isinstance(decision["value_remaining"], float) and decision["value_remaining"] >= 0
    passed = max(decision["e_values"].values()) >= decision["e_value_threshold"]
    assert (decision["status"] == "decided") == passed


def test_it_states_time_and_memory(summary: Json) -> None:
    phases = ["reviews", "sandbox", "deploy", "pipeline", "endpoint", "traffic", "result", "promotion"]
    assert list(summary["seconds"]) == phases
    assert all(isinstance(seconds, float) and seconds > 0 for seconds in summary["seconds"].values())
    assert sum(summary["seconds"].values()) < 360
    assert 100 * 2**20 < summary["peak_memory_bytes"] < 4 * 2**30


def test_the_report_is_one_file_that_opens_offline(runs: Runs, summary: Json) -> None:
    page = (runs.first.folder / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", page)
    assert not re.findall(r"<script|<link|@import|url\((?!#|[\"']?data:)", page)
    assert page.count("<svg") >= 4
    assert all(name in page for name in VARIANTS)
    assert "reviews recur" in page  # 1,800 drawn from some 200 held-out reviews
    assert summary["held_out_reviews"] < USERS * summary["users"]["reviews_each"]


def test_one_seed_gives_one_result(runs: Runs, summary: Json) -> None:
    again = runs.again.summary
    for name in ("model_sha256", "hyperparameters"):
        assert [model[name] for model in again["models"]] == [model[name] for model in summary["models"]]
    assert [item["weights"] for item in again["rounds"]] == [item["weights"] for item in summary["rounds"]]
    assert [item["decision_id"] for item in again["rounds"]] == [item["decision_id"] for item in summary["rounds"]]
    counts = [[v["invocation_count"], v["conversion_count"]] for v in summary["variants"]]
    assert [[v["invocation_count"], v["conversion_count"]] for v in again["variants"]] == counts


def test_another_seed_gives_another_model(runs: Runs, summary: Json) -> None:
    (artefact,) = (runs.refused.folder / "sandbox" / "s3").glob("**/*TrainChampion*/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(artefact.read_bytes())) as archive:
        member = archive.extractfile("model.bin")
        assert member is not None
        assert hashlib.sha256(member.read()).hexdigest() != summary["models"][0]["model_sha256"]


def test_a_refused_model_ends_the_demo_with_the_gates_message(runs: Runs) -> None:
    pattern = r"abtest: The champion is not registered: its test accuracy 0\.\d+ is under the floor 0\.99"
    assert re.fullmatch(pattern, runs.refused.complaint())
    assert runs.refused.output == ""
    assert not (runs.refused.folder / "summary.json").exists()
