import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pipelines import evaluate
from pipelines.evaluate import HELPFUL, NOT_HELPFUL, EvaluationError


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_scipys_wilson_intervals(counts: tuple[int, int]) -> None:
    expected = binomtest(*counts).proportion_ci(method="wilson")
    assert evaluate.wilson(*counts) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_metrics_of_a_known_table() -> None:
    predicted = [HELPFUL] * 50 + [NOT_HELPFUL] * 50
    actual = [HELPFUL] * 40 + [NOT_HELPFUL] * 10 + [HELPFUL] * 20 + [NOT_HELPFUL] * 30
    report = evaluate.evaluation(predicted, actual)
    metrics = report["binary_classification_metrics"]
    assert report["test_rows"] == 100
    assert metrics["confusion_matrix"] == {
        "Helpful": {"Helpful": 40, "NotHelpful": 20},
        "NotHelpful": {"Helpful": 10, "NotHelpful": 30},
    }
    values = {name: metric["value"] for name, metric in metrics.items() if name != "confusion_matrix"}
    assert values == pytest.approx({"accuracy": 0.7, "precision": 0.8, "recall": 2 / 3, "f1": 80 / 110})
    assert metrics["accuracy"]["lower"] == pytest.approx(0.604, abs=1e-3)


@given(st.lists(st.tuples(*[st.sampled_from([HELPFUL, NOT_HELPFUL])] * 2), min_size=1))
def test_every_value_lies_in_its_interval(pairs: list[tuple[str, str]]) -> None:
    metrics = evaluate.evaluation([p for p, _ in pairs], [a for _, a in pairs])["binary_classification_metrics"]
    for name in ("accuracy", "precision", "recall", "f1"):
        assert 0 <= metrics[name]["lower"] <= metrics[name]["value"] <= metrics[name]["upper"] <= 1
    assert metrics["accuracy"]["value"] == pytest.approx(sum(p == a for p, a in pairs) / len(pairs))


def folders(path: Path, out: str, labels: str) -> list[str]:
    for name, file, text in (("predictions", "test.jsonl.out", out), ("labels", "labels.txt", labels)):
        (path / name).mkdir()
        (path / name / file).write_text(text)
    names = ("predictions", "labels", "output")
    return [part for name in names for part in (f"--{name}", str(path / name))]


def test_the_script_runs_alone(tmp_path: Path) -> None:
    out = (
        json.dumps({"label": [HELPFUL], "prob": [1.00001]}) + "\n" + json.dumps({"label": [NOT_HELPFUL], "prob": [0.6]})
    )
    arguments = folders(tmp_path, out, f"{HELPFUL}\n{HELPFUL}\n")
    command = [sys.executable, "-I", str(Path(evaluate.__file__)), *arguments]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    report = json.loads((tmp_path / "output" / "evaluation.json").read_text())
    assert report["binary_classification_metrics"]["accuracy"]["value"] == 0.5


@pytest.mark.parametrize(
    ("out", "labels", "message"),
    [
        ("", HELPFUL, "there are 0 predictions for 1 labels"),
        ("", "", "there are 0 predictions for 0 labels"),
        ('{"label": [], "prob": []}', HELPFUL, "line 1 of the predictions has no label"),
        ("no json", HELPFUL, "line 1 of the predictions has no label"),
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
