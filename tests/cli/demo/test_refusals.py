"""What the demo refuses: one line and an exit code, before a sandbox is started."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.demo.running import COMMAND
from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # a process for each

HEADER = "star_rating\thelpful_votes\ttotal_votes\treview_id\tproduct_id\treview_headline\treview_body"


def refused(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [COMMAND, "demo", "--output", str(folder / "demo"), *options]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert not (folder / "demo" / "sandbox" / "sandbox.log").exists()
    return ended


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "there is no file"),
        (f"{HEADER}\n5\t0\t0\tR1\tP1\tGood\tVery good\n", "no usable review among 1 rows"),
        (HEADER.replace("total_votes", "votes") + "\n5\t0\t0\tR1\tP1\tGood\tVery good\n", "total_votes"),
    ],
    ids=["no file", "no usable row", "a missing column"],
)
def test_unfit_reviews_are_exit_code_1_and_one_line(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "reviews.tsv"
    if text:
        path.write_text(text)
    ended = refused(tmp_path, "--reviews", str(path))
    announced, *lines = ended.stderr.splitlines()
    assert (ended.returncode, announced, len(lines)) == (1, "== checking the reviews", 1)
    assert lines[0].startswith("abtest: REVIEWS: ")
    assert complaint in lines[0]


@pytest.mark.parametrize(
    ("parameter", "complaint"),
    [
        ("Floor=1", "the pipeline has no parameter 'Floor'"),
        ("AccuracyFloor=high", "AccuracyFloor must be float, not 'high'"),
        ("Seed=3", "the demo sets Seed itself: set SEED="),
        ("AccuracyFloor", "--param must be NAME=VALUE"),
    ],
)
def test_unfit_parameters_are_exit_code_1_and_one_line(tmp_path: Path, parameter: str, complaint: str) -> None:
    ended = refused(tmp_path, "--param", parameter)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert ended.stderr.startswith(f"abtest: {complaint}")


@pytest.mark.parametrize("options", [("--users", "0"), ("--rounds", "9", "--users", "8"), ("--speed", "9")])
def test_wrong_usage_is_exit_code_2(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert refused(tmp_path, *options).returncode == 2


def test_a_folder_of_somebody_else_is_not_emptied(tmp_path: Path) -> None:
    precious = tmp_path / "demo" / "sandbox" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    ended = refused(tmp_path)
    assert ended.returncode == 1
    assert "is not a sandbox's data folder and not empty" in ended.stderr.splitlines()[-1]
    assert precious.read_text() == "mine"
