"""Metrics of one model on the test rows: plain functions, and the Processing script of the Evaluate steps.

It uses only the standard library, and every path is an argument:

    python -m pipelines.evaluate --predictions FOLDER --labels FOLDER --output FOLDER

It reads batch transform's `test.jsonl.out` (a JSON object {"label": [...], "prob": [...]} a line) and `labels.txt` (a
label a line, same order), and writes `evaluation.json`. Exit code 1 with one line on standard error if they do not fit.
"""

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HELPFUL, NOT_HELPFUL = "__label__Helpful", "__label__NotHelpful"
Z_95 = 1.959963984540054  # the standard normal's 97.5 % point


class EvaluationError(ValueError):
    """Predictions and labels do not fit together; the message is one line that says why."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion; (0, 1) without trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.
    """
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, Z_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == trials else centre + half)


def proportion(successes: int, trials: int) -> dict[str, float]:
    """A proportion with its interval; the value without trials is 0."""
    lower, upper = wilson(successes, trials)
    return {"value": successes / trials if trials else 0.0, "lower": lower, "upper": upper}


def f1_score(true_positive: int, wrong: int) -> dict[str, float]:
    """F1 with its interval; `wrong` counts false positives and false negatives.

    F1 is 2J / (1 + J), where J = TP / (TP + FP + FN) is a proportion: its Wilson ends go through the same function,
    which is increasing.
    """
    return {name: 2 * j / (1 + j) for name, j in proportion(true_positive, true_positive + wrong).items()}


def evaluation(predicted: Sequence[str], actual: Sequence[str]) -> dict[str, Any]:
    """The report; Helpful is the positive class. Both sequences hold the two labels, in the same order."""
    pairs = Counter(zip(predicted, actual, strict=True))
    tp, fp = pairs[HELPFUL, HELPFUL], pairs[HELPFUL, NOT_HELPFUL]
    fn, tn = pairs[NOT_HELPFUL, HELPFUL], pairs[NOT_HELPFUL, NOT_HELPFUL]
    return {
        "binary_classification_metrics": {
            "accuracy": proportion(tp + tn, len(actual)),
            "precision": proportion(tp, tp + fp),
            "recall": proportion(tp, tp + fn),
            "f1": f1_score(tp, fp + fn),
            "confusion_matrix": {  # actual -> predicted -> rows
                "Helpful": {"Helpful": tp, "NotHelpful": fn},
                "NotHelpful": {"Helpful": fp, "NotHelpful": tn},
            },
        },
        "test_rows": len(actual),
    }


def read_predictions(folder: Path) -> list[str]:
    """The first label of each line of the folder's one `*.out` file."""
    files = sorted(folder.glob("*.out"))
    if len(files) != 1:
        raise EvaluationError(f"{folder} holds {len(files)} files *.out, not one")
    lines = files[0].read_text(encoding="utf-8").splitlines()
    return [first_label(line, number) for number, line in enumerate(lines, start=1)]


def first_label(line: str, number: int) -> str:
    try:
        label = json.loads(line)["label"][0]
    except (ValueError, LookupError, TypeError):
        raise EvaluationError(f"line {number} of the predictions has no label: {line[:80]!r}") from None
    return known(label, f"line {number} of the predictions")


def known(label: Any, where: str) -> str:
    if label not in (HELPFUL, NOT_HELPFUL):
        raise EvaluationError(f"{where} has the unknown label {label!r}")
    return str(label)


def evaluate(predictions: Path, labels: Path, output: Path) -> dict[str, Any]:
    """Reads both folders, writes `evaluation.json` in `output`, and returns the report."""
    actual_lines = (labels / "labels.txt").read_text(encoding="utf-8").splitlines()
    actual = [known(label, f"line {number} of the labels") for number, label in enumerate(actual_lines, start=1)]
    predicted = read_predictions(predictions)
    if len(predicted) != len(actual) or not actual:
        raise EvaluationError(f"there are {len(predicted)} predictions for {len(actual)} labels")
    report = evaluation(predicted, actual)
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Metrics of one model on the test rows.")
    for name in ("predictions", "labels", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    try:
        report = evaluate(**vars(parser.parse_args(arguments)))
    except (EvaluationError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
