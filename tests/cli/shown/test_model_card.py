"""What `models show` and `models trials` print."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from abtest.adapters import lineage, registry
from abtest.cli import models
from abtest.cli.shown import model_card
from abtest.experiment.record.tuning import Search, Trial
from abtest.report import trials_chart

METRIC = {"value": 0.7, "lower": 0.65, "upper": 0.75}
EVALUATION: dict[str, Any] = {
    "binary_classification_metrics": {
        "accuracy": METRIC,
        "auc": METRIC,
        "precision_recall_curve": {"precisions": [1.0], "recalls": [0.0]},
    },
    "test_rows": 290,
    "comparison": {
        "verdict": "tie",
        "mcnemar_exact_p_value": 0.4321,
        "differences": {"accuracy": {"value": 0.01, "lower": -0.02, "upper": 0.04}},
    },
}
CARD = {
    "source": "s3://b/reviews/",
    "rows_read": 2000,
    "rows_kept": 1972,
    "dropped": {"malformed": 8, "too few votes": 20},
    "rows": {"train": 1000, "test": 290},
}
JOB = {
    "TrainingJobName": "find-002-ab12",
    "TrainingJobArn": "arn:aws:sagemaker:us-east-1:0:training-job/find-002-ab12",
    "HyperParameters": {"epochs": "7", "_tuning_objective_metric": "validation:accuracy"},
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}}],
    "TuningJobArn": "arn:find",
}
PACKAGE = {"MetadataProperties": {"CommitId": "c0ffee", "GeneratedBy": JOB["TrainingJobArn"]}}
SEARCH = Search(
    "find",
    "Bayesian",
    "validation:accuracy",
    (
        Trial("find-002", "Completed", 0.7, {"epochs": "7", "mode": "a"}, 3, None),
        Trial("find-001", "Completed", 0.6, {"epochs": "5", "mode": "b"}, 2, None),
        Trial("find-003", "Failed", None, {"epochs": "9", "mode": "a"}, None, "AlgorithmError: killed\nmore"),
    ),
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, found in {"training_job": JOB, "data_card": CARD, "evaluation": EVALUATION}.items():
        monkeypatch.setattr(lineage, name, lambda _, found=found: found)


def test_a_model_tells_its_metrics_job_data_and_code(known: None) -> None:
    document = model_card.details(PACKAGE)
    assert document["training_job"]["hyperparameters"] == {"epochs": "7"}
    assert "precision_recall_curve" not in document["evaluation"]["binary_classification_metrics"]
    told = dict(model_card.lines(document))
    assert told["accuracy"] == "0.700 (95 %: 0.650 to 0.750) on 290 test rows"
    assert told["against champion"] == "tie: accuracy 0.010 (95 %: -0.020 to 0.040), exact McNemar p 0.432"
    assert told["reviews"] == "1,972 of 2,000 rows of s3://b/reviews/"
    assert told["dropped"] == "malformed 8, too few votes 20"
    assert told["hyperparameters"] == "epochs 7"
    assert told["data (train)"] == "s3://b/train"
    assert told["code_version"] == "c0ffee"


def test_a_job_that_is_gone_is_still_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("training_job", "data_card", "evaluation"):
        monkeypatch.setattr(lineage, name, lambda _: None)
    assert dict(model_card.lines(model_card.details(PACKAGE)))["training_job"] == JOB["TrainingJobArn"]
    assert model_card.details({}) == {}


def test_the_table_of_trials_has_each_with_its_hyperparameters() -> None:
    columns, rows = model_card.trial_table(SEARCH)
    assert columns == ["training job", "validation:accuracy", "epochs", "mode", "seconds", "status"]
    assert rows[0] == ["find-002", "0.7000", "7", "a", "3", "Completed"]
    assert rows[2] == ["find-003", "-", "9", "a", "-", "Failed: AlgorithmError: killed"]


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_of_a_search(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trials.{suffix}"
    trials_chart.write(path, SEARCH)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    if suffix == "svg":
        assert b"validation:accuracy of 2 trials (Bayesian)" in content


def test_trials_are_printed_and_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models, "find", lambda *_: type("Package", (), {"arn": "arn"}))
    monkeypatch.setattr(registry, "describe", lambda _: PACKAGE)
    monkeypatch.setattr(lineage, "training_job", lambda _: JOB)
    monkeypatch.setattr(lineage, "search", lambda _: SEARCH)
    picture = tmp_path / "trials.svg"
    done = CliRunner().invoke(models.app, ["trials", "challenger", "--plot", str(picture)], catch_exceptions=False)
    assert done.stdout.index("find-002") < done.stdout.index("find-001") < done.stdout.index("AlgorithmError: killed")
    assert picture.exists()
    refused = CliRunner().invoke(models.app, ["trials", "challenger", "--plot", "trials.pdf"])
    assert refused.exit_code == 2


def test_a_model_without_a_search_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find", lambda *_: type("Package", (), {"arn": "arn"}))
    monkeypatch.setattr(registry, "describe", lambda _: PACKAGE)
    monkeypatch.setattr(lineage, "training_job", lambda _: None)
    done = CliRunner().invoke(models.app, ["trials", "champion"])
    assert "was not found by a search" in str(done.exception)
