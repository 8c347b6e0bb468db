"""The program as a job runs it: a subprocess on a folder that stands for /opt/ml."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from abtest.sandbox.blazingtext.hyperparameters import METRICS
from abtest.sandbox.sagemaker.jobs.training import final_metrics

pytestmark = pytest.mark.slow

HYPERPARAMETERS = {"mode": "supervised", "vector_dim": "8", "buckets": "1000", "min_count": "1", "epochs": "20"}


def text(rows: int, seed: int) -> str:
    generator = random.Random(seed)
    lines = []
    for row in range(rows):
        words = generator.choices(["good", "fine", "long"] if row % 2 else ["bad", "poor", "short"], k=5)
        lines.append(f"__label__{'Helpful' if row % 2 else 'NotHelpful'} {' '.join(words)}\n")
    return "".join(lines)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for channel, rows in (("train", 100), ("validation", 40)):
        folder = tmp_path / "input/data" / channel
        folder.mkdir(parents=True)
        (folder / f"{channel}.txt").write_text(text(rows, seed=rows))
    (tmp_path / "input/config").mkdir()
    return tmp_path


def run(root: Path, **hyperparameters: str) -> "subprocess.CompletedProcess[str]":
    (root / "input/config/hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS | hyperparameters))
    command = [sys.executable, "-m", "abtest.sandbox.blazingtext.training", "--root", str(root)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def digest(root: Path) -> str:
    return hashlib.sha256((root / "model/model.bin").read_bytes()).hexdigest()


def test_it_trains_the_same_model_twice_and_logs_the_published_lines(root: Path) -> None:
    done = run(root)
    assert done.returncode == 0, done.stderr
    metrics = {item["MetricName"]: item["Value"] for item in final_metrics(done.stdout, METRICS)}
    assert metrics.keys() == METRICS.keys()
    assert metrics["validation:accuracy"] > 0.9
    first = digest(root)
    run(root)
    assert digest(root) == first
    run(root, learning_rate="0.06")
    assert digest(root) != first


def test_without_a_validation_channel_there_is_no_validation_metric(root: Path) -> None:
    (root / "input/data/validation/validation.txt").unlink()
    (root / "input/data/validation").rmdir()
    done = run(root)
    assert done.returncode == 0
    assert [item["MetricName"] for item in final_metrics(done.stdout, METRICS)] == ["train:accuracy"]


def test_buckets_are_capped_and_early_stopping_is_not_applied(root: Path) -> None:
    done = run(root, buckets="10000000", early_stopping="True", word_ngrams="2")
    assert "buckets: 10000000 requested, 524288 used (the sandbox's cap)" in done.stdout
    assert "early_stopping does not apply in the sandbox" in done.stdout


def test_lines_without_a_label_are_skipped_and_counted(root: Path) -> None:
    path = root / "input/data/train/train.txt"
    path.write_text(path.read_text() + "no label here\n")
    done = run(root)
    assert "train.txt: 1 of 101 lines have no label and are skipped" in done.stdout
    assert "Number of train examples: 100" in done.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "ClientError: train.txt is empty"),
        ("just words\nand more\n", "ClientError: train.txt has no label"),
        (None, "ClientError: The channel 'train' must hold exactly one file; found: none"),
    ],
)
def test_bad_training_data_is_the_clients_error(root: Path, content: str | None, reason: str) -> None:
    path = root / "input/data/train/train.txt"
    path.unlink() if content is None else path.write_text(content)
    done = run(root)
    assert done.returncode == 2
    assert (root / "output/failure").read_text().startswith(reason)


def test_two_files_in_a_channel_are_refused(root: Path) -> None:
    (root / "input/data/train/more.txt").write_text(text(4, seed=1))
    run(root)
    assert "found: more.txt, train.txt" in (root / "output/failure").read_text()


def test_a_bad_hyperparameter_is_the_clients_error(root: Path) -> None:
    done = run(root, epochs="none")
    assert done.returncode == 2
    failure = (root / "output/failure").read_text()
    assert failure.startswith("ClientError: Unable to initialize the algorithm. Failed to validate hyperparameters.")
    assert "'none' is not valid for 'epochs'" in failure


def test_an_empty_vocabulary_fails(root: Path) -> None:
    done = run(root, min_count="1000")
    assert done.returncode == 1
    assert (root / "output/failure").read_text().startswith("AlgorithmError: No word occurs 1000 times (min_count)")
