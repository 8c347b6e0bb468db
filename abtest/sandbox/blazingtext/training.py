"""BlazingText as a training program: `python -m abtest.sandbox.blazingtext.training --root /opt/ml`.

Reads `input/config/hyperparameters.json` and the channels `train` and `validation` (one text file each, a line
`__label__X token token ...`), writes `model/model.bin` in fastText's format and prints AWS's log lines. The same
input gives the same bytes: one thread, fixed seed. Exit code 2 and `output/failure` for the user's mistakes,
1 for what went wrong in training.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import fasttext

from abtest.sandbox.blazingtext.hyperparameters import HyperparameterError, Hyperparameters

LABEL = "__label__"


class ClientError(Exception):
    """The input is wrong: the job fails, and its FailureReason begins with the name of this class, as on AWS."""


class AlgorithmError(Exception):
    """The training failed on input that is formally right."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path("/opt/ml"))
    root: Path = parser.parse_args().root
    try:
        train(root)
    except (ClientError, AlgorithmError) as error:
        reason = f"{type(error).__name__}: {error}"
        print(reason, file=sys.stderr)
        (root / "output").mkdir(parents=True, exist_ok=True)
        (root / "output/failure").write_text(reason)
        return 2 if isinstance(error, ClientError) else 1
    return 0


def train(root: Path) -> None:
    """Trains the model. Raises ClientError or AlgorithmError, whose text becomes the job's FailureReason."""
    hyperparameters = read_hyperparameters(root / "input/config/hyperparameters.json")
    training = channel(root, "train")
    validation = channel(root, "validation") if (root / "input/data/validation").is_dir() else None
    for path in (training, validation):
        if path:
            check_labels(path)
    model = fit(training, hyperparameters)
    report_accuracy(model, "train", training)
    if validation:
        report_accuracy(model, "validation", validation)
    (root / "model").mkdir(parents=True, exist_ok=True)
    save(model, root / "model/model.bin")


def save(model: Any, path: Path) -> None:
    """Writes the model and checks that it ends with the matrix written last: fastText does not notice a full disk."""
    model.save_model(str(path))
    last = model.get_output_matrix().tobytes()
    if path.read_bytes()[-len(last) :] != last:
        raise AlgorithmError("model.bin is not whole: no space left on the job's volume")


def read_hyperparameters(path: Path) -> Hyperparameters:
    values = json.loads(path.read_text())
    print(f"Arguments: {json.dumps(values, sort_keys=True)}")
    try:
        return Hyperparameters.from_strings(values)
    except HyperparameterError as error:
        raise ClientError(
            "Unable to initialize the algorithm. Failed to validate hyperparameters. "
            f"(caused by ValidationError)\n\nCaused by: {error}"
        ) from error


def channel(root: Path, name: str) -> Path:
    """Returns the one file of a channel."""
    folder = root / "input/data" / name
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise ClientError(f"The channel '{name}' must hold exactly one file; found: {names}")
    return files[0]


def check_labels(path: Path) -> None:
    """Raises ClientError unless a line of the file has a label; says how many have none (they are skipped)."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        labelled = [any(token.startswith(LABEL) for token in line.split()) for line in lines if line.strip()]
    if not labelled:
        raise ClientError(f"{path.name} is empty")
    if not any(labelled):
        raise ClientError(f"{path.name} has no label: each line must begin with {LABEL} and the label")
    if not all(labelled):
        print(f"{path.name}: {labelled.count(False)} of {len(labelled)} lines have no label and are skipped")


def fit(path: Path, hyperparameters: Hyperparameters) -> Any:
    buckets = hyperparameters.buckets_used()
    if buckets < hyperparameters.buckets and hyperparameters.word_ngrams > 1:
        print(f"buckets: {hyperparameters.buckets} requested, {buckets} used (the sandbox's cap)")
    if hyperparameters.early_stopping:
        print("early_stopping does not apply in the sandbox: all epochs are run")
    start = time.monotonic()
    model = _fasttext(path, hyperparameters, buckets)
    if not set(model.words) - {"</s>"}:
        raise AlgorithmError(f"No word occurs {hyperparameters.min_count} times (min_count): the vocabulary is empty")
    print("Training finished.")
    print(f"Total training time in seconds: {time.monotonic() - start:.2f}")
    return model


def _fasttext(path: Path, hyperparameters: Hyperparameters, buckets: int) -> Any:
    try:
        return fasttext.train_supervised(
            str(path),
            lr=hyperparameters.learning_rate,
            dim=hyperparameters.vector_dim,
            epoch=hyperparameters.epochs,
            minCount=hyperparameters.min_count,
            wordNgrams=hyperparameters.word_ngrams,
            bucket=buckets,
            thread=1,
            verbose=0,
        )
    except (RuntimeError, ValueError) as error:  # fastText: NaN in the weights, no words at all
        raise AlgorithmError(str(error)) from error


def report_accuracy(model: Any, name: str, path: Path) -> None:
    examples, accuracy, _ = model.test(str(path))
    print(f"#{name}_accuracy: {accuracy:.4f}")
    print(f"Number of {name} examples: {examples}")


if __name__ == "__main__":
    sys.exit(main())
