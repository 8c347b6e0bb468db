import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import evaluate, metrics
from pipelines.definition import SCRIPTS
from pipelines.evaluate import HELPFUL, NOT_HELPFUL, EvaluationError
from pipelines.metrics import bootstrapped


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 200)


def report(predicted: list[str], actual: list[str]) -> dict[str, Any]:
    model = evaluate.scored([(label, 0.9) for label in predicted], actual)
    return evaluate.evaluation(model, bootstrapped(model, seed=1))


def test_metrics_of_a_known_table() -> None:
    predicted = [HELPFUL] * 50 + [NOT_HELPFUL] * 50
    actual = [HELPFUL] * 40 + [NOT_HELPFUL] * 10 + [HELPFUL] * 20 + [NOT_HELPFUL] * 30
    found = report(predicted, actual)
    metrics = found["binary_classification_metrics"]
    assert found["test_rows"] == found["dataset"]["item_count"] == 100
    assert metrics["confusion_matrix"] == {
        "Helpful": {"Helpful": 40, "NotHelpful": 20},
        "NotHelpful": {"Helpful": 10, "NotHelpful": 30},
    }
    expected = {
        "accuracy": 0.7,
        "accuracy_best_constant_classifier": 0.6,
        "precision": 0.8,
        "recall": 2 / 3,
        "true_positive_rate": 2 / 3,
        "true_negative_rate": 0.75,
        "false_positive_rate": 0.25,
        "false_negative_rate": 1 / 3,
        "f1": 80 / 110,
        "auc": (2 / 3 + 0.75) / 2,  # of one step: both scores are 0.9
        "brier_score": 0.7 * 0.01 + 0.3 * 0.81,
    }
    assert {name: metrics[name]["value"] for name in expected} == pytest.approx(expected)
    assert metrics["accuracy"]["lower"] == pytest.approx(0.604, abs=1e-3)
    for name in (*expected, "pr_auc", "expected_calibration_error"):
        assert 0 <= metrics[name]["lower"] < metrics[name]["upper"] <= 1
    for curve in ("receiver_operating_characteristic_curve", "precision_recall_curve"):
        assert {len(points) for points in metrics[curve].values()} == {3}


def folders(path: Path, out: str, labels: str) -> list[str]:
    for name, file, text in (("predictions", "test.jsonl.out", out), ("labels", "labels.txt", labels)):
        (path / name).mkdir()
        (path / name / file).write_text(text)
    names = ("predictions", "labels", "output")
    return [part for name in names for part in (f"--{name}", str(path / name))]


def answers(*labels: str) -> str:
    return "\n".join(json.dumps({"label": [label], "prob": [1.00001]}) for label in labels)


@pytest.mark.slow
def test_the_script_runs_alone_on_its_modules(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    for path in SCRIPTS:
        (tmp_path / "pipelines" / path.name).write_bytes(path.read_bytes())
    arguments = folders(tmp_path, answers(HELPFUL, NOT_HELPFUL, HELPFUL), f"{HELPFUL}\n{NOT_HELPFUL}\n{NOT_HELPFUL}\n")
    (tmp_path / "champion").mkdir()
    (tmp_path / "champion" / "test.jsonl.out").write_text(answers(HELPFUL, HELPFUL, HELPFUL))
    command = [sys.executable, "-m", "pipelines.evaluate", *arguments, "--champion", str(tmp_path / "champion")]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    written = json.loads((tmp_path / "output" / "evaluation.json").read_text())
    assert written["binary_classification_metrics"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert written["comparison"]["rows"] == {"only_challenger_right": 1, "only_champion_right": 0}
    assert written["comparison"]["verdict"] == "tie"


@pytest.mark.parametrize(
    ("out", "labels", "message"),
    [
        ("", HELPFUL, "there are 0 predictions for 1 labels"),
        ("", "", "there are 0 predictions for 0 labels"),
        ('{"label": [], "prob": []}', HELPFUL, "line 1 of the predictions has no label with its probability"),
        ("no json", HELPFUL, "line 1 of the predictions has no label with its probability"),
        ('{"label": ["__label__Helpful"]}', HELPFUL, "line 1 of the predictions has no label with its probability"),
        (
            '{"label": ["__label__Helpful"], "prob": [1.5]}',
            HELPFUL,
            "line 1 of the predictions has the probability 1.5",
        ),
        (
            '{"label": ["__label__Helpful"], "prob": [NaN]}',
            HELPFUL,
            "line 1 of the predictions has the probability nan",
        ),
        ('{"label": ["__label__Helpful"], "prob": [1]}', HELPFUL, "all 1 test rows are __label__Helpful"),
        ('{"label": ["spam"], "prob": [1]}', HELPFUL, "unknown label 'spam'"),
        ('{"label": ["__label__Helpful"], "prob": [1]}', "x", "line 1 of the labels has the unknown label 'x'"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, labels: str, message: str
) -> None:
    assert evaluate.main(folders(tmp_path, out, labels)) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_one_file_of_predictions_is_expected(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds 0 files"):
        evaluate.read_predictions(tmp_path)
