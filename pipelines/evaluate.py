"""Measures one model on the test rows and compares it with the champion: the Processing script of Evaluate steps.

Every path is an argument, and this folder's parent on PYTHONPATH:

    python -m pipelines.evaluate --predictions FOLDER --labels FOLDER --output FOLDER [--champion FOLDER] [--seed N]

It reads batch transform's `test.jsonl.out` (a JSON object {"label": [...], "prob": [...]} a line) and `labels.txt` (a
label a line, same order), and writes `evaluation.json` in the layout of SageMaker's model quality reports; `lower` and
`upper` of a metric are the ends of its 95 % interval. `--champion` holds the champion's predictions for the same rows.
Exit code 1 with one line on standard error if they do not fit.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from pipelines.comparison import compared
from pipelines.metrics import (
    MEASURES,
    Array,
    Scored,
    bootstrapped,
    calibration_error,
    curves,
    measured,
    proportion,
    reliability,
    summary,
)

HELPFUL, NOT_HELPFUL = "__label__Helpful", "__label__NotHelpful"
ROUNDING = 1e-4  # fastText adds 1e-5 to a probability

Prediction = tuple[str, float]  # label, and its probability


class EvaluationError(ValueError):
    """Predictions and labels do not fit together; the message is one line that says why."""


def evaluation(model: Scored, draws: Array) -> dict[str, Any]:
    """Returns the report; Helpful is the positive class, `draws` the model's bootstrap."""
    (tn, fp), (fn, tp) = confusion_matrix(model.actual, model.predicted, labels=[0, 1]).tolist()
    rows, values = len(model.actual), measured(model)
    intervals = {name: summary(float(values[place]), draws[:, place]) for place, name in enumerate(MEASURES)}
    return {
        "version": 0.0,
        "dataset": {"item_count": rows},
        "binary_classification_metrics": {
            "confusion_matrix": {  # actual -> predicted -> rows
                "Helpful": {"Helpful": tp, "NotHelpful": fn},
                "NotHelpful": {"Helpful": fp, "NotHelpful": tn},
            },
            "accuracy": proportion(tp + tn, rows),
            "accuracy_best_constant_classifier": proportion(max(tp + fn, tn + fp), rows),
            "precision": proportion(tp, tp + fp),
            "recall": proportion(tp, tp + fn),
            "true_positive_rate": proportion(tp, tp + fn),
            "true_negative_rate": proportion(tn, tn + fp),
            "false_positive_rate": proportion(fp, tn + fp),
            "false_negative_rate": proportion(fn, tp + fn),
            **intervals,
            "expected_calibration_error": calibration_error(model),
            **curves(model),
        },
        "calibration": reliability(model),
        "test_rows": rows,
    }


def scored(predictions: Sequence[Prediction], actual: Sequence[str]) -> Scored:
    """Reads the answers as numbers. Raises EvaluationError unless each label has one, and both classes occur."""
    if len(predictions) != len(actual) or not actual:
        raise EvaluationError(f"there are {len(predictions)} predictions for {len(actual)} labels")
    if len(set(actual)) == 1:
        raise EvaluationError(f"all {len(actual)} test rows are {actual[0]}: a larger TestFraction gives more rows")
    predicted = np.array([label == HELPFUL for label, _ in predictions], dtype=int)
    chosen = np.array([probability for _, probability in predictions])
    scores = np.where(predicted == 1, chosen, 1 - chosen)
    return Scored(np.array([label == HELPFUL for label in actual], dtype=int), predicted, scores)


def read_predictions(folder: Path) -> list[Prediction]:
    """Returns the first label of each line of the folder's one `*.out` file, with its probability."""
    files = sorted(folder.glob("*.out"))
    if len(files) != 1:
        raise EvaluationError(f"{folder} holds {len(files)} files *.out, not one")
    lines = files[0].read_text(encoding="utf-8").splitlines()
    return [first_label(line, number) for number, line in enumerate(lines, start=1)]


def first_label(line: str, number: int) -> Prediction:
    where = f"line {number} of the predictions"
    try:
        answer = json.loads(line)
        label, probability = answer["label"][0], float(answer["prob"][0])
    except (ValueError, LookupError, TypeError):
        raise EvaluationError(f"{where} has no label with its probability: {line[:80]!r}") from None
    if not -ROUNDING <= probability <= 1 + ROUNDING:
        raise EvaluationError(f"{where} has the probability {probability}")
    return known(label, where), min(1.0, max(0.0, probability))


def known(label: Any, where: str) -> str:
    if label not in (HELPFUL, NOT_HELPFUL):
        raise EvaluationError(f"{where} has the unknown label {label!r}")
    return str(label)


def evaluate(
    predictions: Path, labels: Path, output: Path, champion: Path | None = None, seed: int = 1
) -> dict[str, Any]:
    """Reads the folders, writes `evaluation.json` in `output`, and returns the report. Raises EvaluationError."""
    actual_lines = (labels / "labels.txt").read_text(encoding="utf-8").splitlines()
    actual = [known(label, f"line {number} of the labels") for number, label in enumerate(actual_lines, start=1)]
    model = scored(read_predictions(predictions), actual)
    draws = bootstrapped(model, seed)
    report = evaluation(model, draws)
    if champion:
        rival = scored(read_predictions(champion), actual)
        report["comparison"] = compared(model, rival, draws - bootstrapped(rival, seed))
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Metrics of one model on the test rows.")
    for name in ("predictions", "labels", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--champion", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    try:
        report = evaluate(**vars(parser.parse_args(arguments)))
    except (EvaluationError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report["binary_classification_metrics"]["accuracy"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
