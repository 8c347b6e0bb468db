import csv
import json
import random
import subprocess
import sys
import tracemalloc
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import features, review_files
from pipelines.definition import SCRIPTS
from pipelines.layouts import Fields
from pipelines.rules import HELPFUL, NOT_HELPFUL, FeaturesError, Rules, usable
from tests.pipelines import samples

pytestmark = pytest.mark.slow

SHARED = Path(__file__).parents[3] / "shared" / "data"
HALVES = Rules(train_fraction=0.4, validation_fraction=0.3, test_fraction=0.3, traffic_fraction=0.2)
FILES = [*(path for files in features.FILES.values() for path in files), "index/reviews.csv"]

# Few ids and products, so that reviews stand twice, also with another product, and products have few votes. The last
# four products fill each slice of HALVES.
rows_with_duplicates = st.lists(
    st.builds(
        samples.row,
        st.integers(0, 60),
        st.integers(0, 30).map("P{}".format),
        st.integers(0, 9),
        st.integers(9, 11),
        st.sampled_from(["good", "bad"]),
    ),
    max_size=60,
)
FULL = [samples.row(1000 + n, f"FULL{n}") for n in range(40)]


def prepared(folder: Path, rows: list[Fields], rules: Rules = HALVES, files: int = 1) -> tuple[dict[str, Any], Path]:
    """The data card and the folder of outputs; the rows dealt out to so many files."""
    for number in range(files):
        samples.write(folder / "in" / f"{number}.tsv", samples.tsv(rows[number::files]))
    return features.prepare(folder / "in", folder / "out", "somewhere", rules), folder / "out"


def index(output: Path) -> list[dict[str, str]]:
    with (output / "index" / "reviews.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def outputs(output: Path) -> dict[str, str]:
    return {name: (output / name).read_text() for name in FILES}


@settings(max_examples=12)
@given(rows_with_duplicates, st.integers(0, 2**31))
def test_no_product_is_in_two_slices_and_no_review_twice(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Fields], seed: int
) -> None:
    everything = rows + [samples.row(1000 + n, f"FULL{n}") for n in range(100)]
    _, output = prepared(tmp_path_factory.mktemp("r"), everything, Rules(**{**vars(HALVES), "seed": seed}))
    slices = defaultdict(set)
    for row in index(output):
        slices[row["product_id"]].add(row["slice"])
    assert all(len(names) == 1 for names in slices.values())
    ids = [row["review_id"] for row in index(output)]
    assert len(ids) == len(set(ids))


@settings(max_examples=12)
@given(rows_with_duplicates, st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_same_rows_in_any_order_and_any_files_give_the_same_outputs(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Fields], order: random.Random, files: int
) -> None:
    everything = rows + FULL
    card, output = prepared(tmp_path_factory.mktemp("r"), everything)
    shuffled = order.sample(everything, len(everything))
    other_card, other = prepared(tmp_path_factory.mktemp("r"), shuffled, files=files)
    assert outputs(output) == outputs(other)
    assert card | {"files": None} == other_card | {"files": None}


@settings(max_examples=12)
@given(rows_with_duplicates, st.lists(st.builds(samples.row, st.integers(2000, 3000), st.just("P3")), max_size=30))
def test_more_reviews_move_no_old_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Fields], more: list[Fields]
) -> None:
    _, few = prepared(tmp_path_factory.mktemp("r"), rows + FULL)
    _, many = prepared(tmp_path_factory.mktemp("r"), rows + FULL + more)
    later = {row["review_id"]: row["slice"] for row in index(many)}
    assert all(later[row["review_id"]] == row["slice"] for row in index(few))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_with_duplicates)
def test_every_row_read_is_kept_or_dropped_for_one_reason(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Fields]
) -> None:
    card, output = prepared(tmp_path_factory.mktemp("r"), rows + FULL)
    assert card["rows_read"] == len(rows) + 40 == card["rows_kept"] + sum(card["dropped"].values())
    assert card["rows_kept"] == sum(card["rows"].values()) == len(index(output))
    assert sum(card["helpful_rows"].values()) == sum(row["label"] == HELPFUL for row in index(output))
    best: dict[str, Fields] = {}
    for row in rows + FULL:
        best[row[0]] = max(best.get(row[0], row), row, key=lambda one: (int(one[3]), int(one[2]), one[1], one[6]))
    votes: dict[str, int] = defaultdict(int)
    for row in best.values():
        votes[row[1]] += int(row[2])
    assert {row["review_id"] for row in index(output)} == {row[0] for row in best.values() if votes[row[1]] >= 5}


def test_a_review_that_stands_twice_counts_once_as_it_has_the_most_votes(tmp_path: Path) -> None:
    twice = [samples.row(1, "FULL0", 9, 10, "old"), samples.row(1, "FULL1", 9, 20, "new")]
    card, output = prepared(tmp_path, FULL + twice + twice)
    assert card["dropped"]["duplicate"] == 3
    (found,) = [row for row in index(output) if row["review_id"] == "R1"]
    assert (found["product_id"], found["total_votes"]) == ("FULL1", "20")
    assert found["helpful_score"] == "0.45"


def test_products_with_too_few_helpful_votes_are_dropped(tmp_path: Path) -> None:
    few = [samples.row(1, "FEW", 2), samples.row(2, "FEW", 2), samples.row(3, "ENOUGH", 5)]
    card, output = prepared(tmp_path, FULL + few)
    assert card["dropped"]["too_few_product_votes"] == 2
    assert {"ENOUGH"} == {row["product_id"] for row in index(output)} - {row[1] for row in FULL}


def test_slices_have_the_sizes_of_their_fractions(tmp_path: Path) -> None:
    card, _ = prepared(tmp_path, samples.many(4000, products=2000))
    sizes = {name: count / 4000 for name, count in card["rows"].items()}
    assert sizes == pytest.approx({"traffic": 0.2, "train": 0.32, "validation": 0.24, "test": 0.24}, abs=0.03)


def test_a_slice_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeaturesError, match="2 usable reviews of 1 products leave none for"):
        prepared(tmp_path, [samples.row(1), samples.row(2)])


def test_formats_may_stand_side_by_side(tmp_path: Path) -> None:
    rows = samples.many(400, products=200)
    votes_alone = [samples.row(n, f"P{n}", helpful=n % 4 * 3) for n in range(50)]  # 3 votes tell nothing
    folder = tmp_path / "in"
    samples.write(folder / "a.tsv.gz", samples.tsv(rows[:100]), packed=True)
    samples.write_parquet(folder / "product_category=X" / "b.parquet", samples.amazon_objects(rows[100:200]))
    samples.write(folder / "c.json.gz", samples.json_lines(samples.mcauley_2014(rows[200:300])), packed=True)
    samples.write(folder / "d.csv", samples.fine_food(rows[300:350]))
    samples.write(folder / "e.jsonl", samples.json_lines(samples.mcauley_2023(votes_alone)))
    samples.write(folder / "_SUCCESS", "")
    card = features.prepare(folder, tmp_path / "out", "s3://b/reviews/", Rules())
    assert card["rows_read_by_layout"] == {
        "Amazon Customer Reviews": 200,
        "McAuley 2014": 100,
        "Fine Food Reviews": 50,
        "McAuley 2023": 50,
    }
    assert card["files"]["Amazon Customer Reviews"] == 2
    assert (card["dropped"]["too_few_votes"], card["rows_without_total_votes"]) == (13, 37)
    assert "McAuley 2023 has no total votes" in card["notes"][0]
    scores = {row["helpful_score"] for row in index(tmp_path / "out") if row["review_id"].endswith("1588687728923")}
    assert scores == {""}


def test_malformed_rows_are_counted_and_kept_aside(tmp_path: Path) -> None:
    wrong = [("R1", "P1", "5"), samples.row(2, total="x"), samples.row(3, helpful=11)]
    card, output = prepared(tmp_path, [*FULL, *wrong], Rules(**{**vars(HALVES), "maximum_malformed_share": 0.07}))
    assert card["dropped"]["malformed"] == 3
    assert card["first_malformed"] == [
        "0.tsv row 42: 3 fields, not 7",
        "0.tsv row 43: votes are not whole numbers from 0",
        "0.tsv row 44: more helpful votes than votes",
    ]
    kept = [json.loads(line) for line in (output / "quarantine" / "malformed.jsonl").read_text().splitlines()]
    assert [(row["file"], row["row"], row["content"][:8]) for row in kept] == [
        ("0.tsv", 42, "R1\tP1\t5"),
        ("0.tsv", 43, "('R2', '"),
        ("0.tsv", 44, "('R3', '"),
    ]


def test_too_many_malformed_rows_are_refused_with_the_first_ten(tmp_path: Path) -> None:
    wrong = [samples.row(n, total="x") for n in range(12)]
    with pytest.raises(
        FeaturesError, match=r"12 of 52 rows are malformed, .* share 0\.05 .* 0\.tsv row 42: "
    ) as caught:
        prepared(tmp_path, FULL + wrong)
    message = str(caught.value)
    assert ("0.tsv row 51:" in message, "0.tsv row 52:" in message, "\n" in message) == (True, False, False)


def test_lengths_are_told_by_slice(tmp_path: Path) -> None:
    card, output = prepared(tmp_path, FULL)
    lengths = sorted(int(row["tokens"]) for row in index(output) if row["slice"] == "train")
    assert card["tokens"]["train"]["mean"] == pytest.approx(sum(lengths) / len(lengths))
    assert (card["tokens"]["train"]["minimum"], card["tokens"]["train"]["maximum"]) == (lengths[0], lengths[-1])
    assert features.distribution([(1, 10), (2, 9), (7, 1)]) == {
        "mean": 1.75,
        "minimum": 1,
        "median": 1,
        "p95": 2,
        "maximum": 7,
    }


def test_the_script_writes_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples.write(tmp_path / "in" / "r.tsv", samples.tsv(samples.many(600, products=300)))
    arguments = ["--reviews", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--source", "s3://b/reviews/"]
    assert features.main([*arguments, "--traffic-fraction", "0.2", "--seed", "7"]) == 0
    out = tmp_path / "out"
    card = json.loads((out / "card" / "features.json").read_text())
    assert card == json.loads(capsys.readouterr().out)
    assert (card["source"], card["rows_read"], card["rows_kept"]) == ("s3://b/reviews/", 600, 600)
    assert (card["settings"]["seed"], card["settings"]["minimum_product_helpful_votes"]) == (7, 5)
    assert sum(card["rows_by_sentiment"]["Positive"].values()) == 600
    assert card["helpful_rows_by_sentiment"]["Positive"] == sum(card["helpful_rows"].values()) == 400
    train = (out / "train" / "train.txt").read_text().splitlines()
    assert len(train) == card["rows"]["train"]
    assert all(line.split(" ", 1)[0] in (HELPFUL, NOT_HELPFUL) for line in train)
    test = [json.loads(line) for line in (out / "test" / "test.jsonl").read_text().splitlines()]
    labels = (out / "labels" / "labels.txt").read_text().splitlines()
    assert len(test) == len(labels) == card["rows"]["test"]
    assert all(set(row) == {"source"} for row in test)
    traffic = [json.loads(line) for line in (out / "traffic" / "traffic.jsonl").read_text().splitlines()]
    assert len(traffic) == card["rows"]["traffic"]
    assert card["helpful_rows"]["traffic"] == sum(row["label"] == HELPFUL for row in traffic)
    assert (out / "quarantine" / "malformed.jsonl").read_text() == ""
    assert sorted(path.name for path in out.iterdir()) == sorted(
        {Path(name).parts[0] for name in FILES} | {"quarantine", "card"}
    )


@pytest.mark.parametrize(
    ("files", "options"),
    [({}, ()), ({"r.tsv": "wrong\n"}, ()), ({"r.tsv": samples.tsv(FULL)}, ("--seed", "one"))],
)
def test_the_script_ends_with_one_line_if_it_cannot_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], options: tuple[str, ...]
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert features.main(["--reviews", str(tmp_path), "--output", str(tmp_path / "out"), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("features: ")
    assert error.count("\n") == 1


def test_the_uploaded_modules_need_no_others_of_ours(tmp_path: Path) -> None:
    for path in SCRIPTS:
        samples.write(tmp_path / "code" / "pipelines" / path.name, path.read_text())
    command = [sys.executable, "-c", "import pipelines.features, pipelines.evaluate"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "code")}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def peak_bytes(folder: Path, count: int) -> int:
    """The most that Python allocated at once while so many reviews were prepared, pandas' arrays among it."""
    with (folder / "r.tsv").open("w") as file:
        file.write(samples.tsv([]))
        for n in range(count):
            file.write("\t".join(samples.row(n, f"P{n % 997}", text="word " * 40)) + "\n")
    tracemalloc.start()
    try:
        features.prepare(folder, folder.parent / "out", "", Rules())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_a_chunk_however_many_reviews_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_files, "CHUNK_ROWS", 500)
    largest = 0

    def watched(chunk: review_files.Chunk, rules: Rules) -> Any:
        nonlocal largest
        largest = max(largest, len(chunk.rows))
        return usable(chunk, rules)

    monkeypatch.setattr(features, "usable", watched)
    folder = samples.write(tmp_path / "in" / "r.tsv", "").parent
    peak_bytes(folder, 1000)  # what is imported and cached once
    few, many = peak_bytes(folder, 1500), peak_bytes(folder, 12_000)  # eight times as many
    assert largest == 500
    assert many < 2 * few


@pytest.mark.shared
def test_the_real_reviews_leave_1416(tmp_path: Path) -> None:
    """1,444 have 5 votes; the products of 28 of these have fewer than 5 helpful ones among them."""
    for path in SHARED.glob("amazon_reviews_us_*.tsv.gz"):
        (tmp_path / path.name).symlink_to(path)
    card = features.prepare(tmp_path, tmp_path / "out", "", Rules())
    assert (card["rows_kept"], card["rows_read"]) == (1416, 13_072)
    assert card["dropped"] == {
        "malformed": 0,
        "too_few_votes": 11_628,
        "no_text": 0,
        "duplicate": 0,
        "too_few_product_votes": 28,
    }
