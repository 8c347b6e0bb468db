import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import features
from pipelines.features import HELPFUL, NOT_HELPFUL, FeaturesError, Rules

SHARED = Path(__file__).parents[3] / "shared" / "data"
HALVES = Rules(train_fraction=0.4, validation_fraction=0.3, test_fraction=0.3, traffic_fraction=0.2)

Review = tuple[str, str, str, str, str]  # in the order of features.COLUMNS
reviews = st.lists(
    st.tuples(
        st.integers(0, 60).map("R{}".format),
        st.sampled_from(["0", "3", "4", "8", "9", "10", "", "x", "-1"]),
        st.sampled_from(["0", "4", "5", "10", "12", "many"]),
        st.sampled_from(["", "Great dryer", "<br />"]),
        st.sampled_from(["", "It died.", "Works, after a year"]),
    ),
    max_size=40,
)


def write(path: Path, rows: list[Review]) -> Path:
    path.write_text("".join("\t".join(row) + "\n" for row in (features.COLUMNS, *rows)))
    return path


def table(count: int) -> pd.DataFrame:
    return pd.DataFrame({"review_id": [f"R{n}" for n in range(count)], "label": HELPFUL, "text": "good"})


def kept(row: Review) -> bool:
    """The published rules, spelled out for one row."""
    _, helpful, total, headline, body = row
    if not helpful.isdigit() or not total.isdigit() or int(helpful) > int(total) or int(total) < 5:
        return False
    return features.normalise(f"{headline} {body}") != ""


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Works GREAT!!", "works great ! !"),
        ("don't; it\u2019s 1,875 watts", "don't ; it's 1 , 875 watts"),
        ("one<br /><br/>two &#34;three&#34;", 'one two " three "'),
        ("__label__Helpful", "_ _ label _ _ helpful"),
        ("a\x00b\tc\u2028d\u00a0e", "a b c d e"),
        ("Élan \uff26\uff35\uff2c\uff2c", "élan full"),
        ("", ""),
    ],
)
def test_text_becomes_lower_case_tokens(text: str, tokens: str) -> None:
    assert features.normalise(text) == tokens


@given(st.text() | st.text(alphabet="&<>br/;lt#3 'aΣİ\u0301\u00a8_", max_size=12))
def test_normalised_text_stays_as_it_is(text: str) -> None:
    once = features.normalise(text)
    assert "__label__" not in once
    assert not set(once) & set("\n\r\t\v\f\0")
    assert features.normalise(once) == once


@given(reviews)
def test_rows_are_kept_by_the_published_rules(tmp_path_factory: pytest.TempPathFactory, rows: list[Review]) -> None:
    path = write(tmp_path_factory.mktemp("reviews") / "reviews.tsv", rows)
    expected = {row[0] for row in rows if kept(row)}
    if not expected:
        with pytest.raises(FeaturesError, match="no usable review"):
            features.read_reviews([path], Rules())
        return
    found, rows_read, dropped = features.read_reviews([path], Rules())
    assert set(found.review_id) == expected
    assert found.review_id.is_unique
    assert rows_read == len(rows) == len(found) + dropped.total()


@pytest.mark.parametrize(("helpful", "total", "label"), [(4, 5, NOT_HELPFUL), (5, 6, HELPFUL), (0, 5, NOT_HELPFUL)])
def test_helpful_is_above_four_votes_of_five(tmp_path: Path, helpful: int, total: int, label: str) -> None:
    path = write(tmp_path / "r.tsv", [("R1", str(helpful), str(total), "a", "b")])
    assert list(features.read_reviews([path], Rules())[0].label) == [label]


@given(reviews, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Review], order: random.Random
) -> None:
    rows.append(("R-usable", "9", "9", "a", "b"))
    shuffled = order.sample(rows, len(rows))
    folder = tmp_path_factory.mktemp("reviews")
    first = features.read_reviews([write(folder / "a.tsv", rows)], Rules())
    second = features.read_reviews([write(folder / "b.tsv", shuffled)], Rules())
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1:] == second[1:]


def test_a_review_that_stands_twice_counts_once_as_it_has_the_most_votes(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tsv", [("R1", "9", "10", "old", ""), ("R1", "9", "20", "new", "")])
    found, _, dropped = features.read_reviews([path, path], Rules())
    assert list(found.text) == ["new"]
    assert dropped["duplicate"] == 3


def test_malformed_lines_are_counted_and_stray_quotes_are_text(tmp_path: Path) -> None:
    lines = [
        "\t".join(features.COLUMNS),
        'R1\t5\t5\t5" cord\t"he said ""no"""',
        "R2\t5\t5\tno body",
        "R3\t5\tx\ta\tb",
        "",
    ]
    path = tmp_path / "r.tsv"
    path.write_text("\r\n".join(lines))
    found, rows_read, dropped = features.read_reviews([path], Rules())
    assert list(found.text) == ['5 " cord he said " no "']
    assert (rows_read, dropped["malformed"]) == (3, 2)


def test_gzip_is_recognised_by_its_content(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.tsv", [("R1", "5", "5", "a", "b")])
    packed = tmp_path / "packed.tsv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first, second = (features.read_reviews([path], Rules())[0] for path in (plain, packed))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"review_id\ttotal_votes\nR1\t5\n", r"column helpful_votes is missing \(and 2 more\)"),
        (b"%PDF-1.4\n\xff\xfe", "r.tsv is not a file of Amazon Customer Reviews: column review_id is missing"),
        (b"", "column review_id is missing"),
        (gzip.compress(b"x" * 9999, mtime=0)[:30], "damaged gzip"),
        (b"\x1f\x8bnothing of the kind", "damaged gzip"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r.tsv"
    path.write_bytes(content)
    with pytest.raises(FeaturesError, match=message) as caught:
        features.read_reviews([path], Rules())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"train_fraction": 0.8},
        {"train_fraction": 1.0, "validation_fraction": 0.0, "test_fraction": 0.0},
        {"traffic_fraction": 1.0},
        {"minimum_votes": 0},
        {"helpfulness_threshold": 1.0},
    ],
)
def test_impossible_rules_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(FeaturesError):
        Rules(**settings)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_every_review_is_in_one_slice_whatever_the_order(seed: int, order: random.Random) -> None:
    rules = Rules(**{**vars(HALVES), "seed": seed})
    rows = table(200)
    slices = features.split(rows, rules)
    ids = Counter(review_id for part in slices.values() for review_id in part.review_id)
    assert ids == Counter(rows.review_id)
    again = features.split(rows.iloc[order.sample(range(200), 200)], rules)
    for name, part in slices.items():
        assert list(part.review_id) == list(again[name].review_id)


def test_more_reviews_move_no_old_one() -> None:
    few, many = features.split(table(500), HALVES), features.split(table(900), HALVES)
    for name, part in few.items():
        assert set(part.review_id) <= set(many[name].review_id)


def test_slices_have_the_sizes_of_their_fractions() -> None:
    sizes = {name: len(part) / 10_000 for name, part in features.split(table(10_000), HALVES).items()}
    assert sizes == pytest.approx({"traffic": 0.2, "train": 0.32, "validation": 0.24, "test": 0.24}, abs=0.02)


@pytest.mark.parametrize(
    ("place", "name"),
    [(0.0, "traffic"), (0.2, "train"), (0.51, "train"), (0.53, "validation"), (0.77, "test"), (1.0, "test")],
)
def test_the_traffic_is_taken_off_first(place: float, name: str) -> None:
    assert features.slice_of(place, HALVES) == name


def test_a_slice_without_rows_is_refused() -> None:
    with pytest.raises(FeaturesError, match="1 usable reviews leave none for"):
        features.split(table(1), Rules())


def test_the_script_writes_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"R{n}", str(n % 11), "10", "title", f"word{n}") for n in range(300)]
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "r.tsv", rows)
    arguments = ["--reviews", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--source", "s3://b/reviews/"]
    assert features.main([*arguments, "--traffic-fraction", "0.2", "--seed", "7"]) == 0
    out = tmp_path / "out"
    card = json.loads((out / "card" / "features.json").read_text())
    assert card == json.loads(capsys.readouterr().out)
    assert (card["source"], card["rows_read"], card["rows_kept"]) == ("s3://b/reviews/", 300, 300)
    assert card["settings"]["seed"] == 7
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


@pytest.mark.parametrize("files", [{}, {"r.tsv": "wrong\n"}])
def test_the_script_ends_with_one_line_if_it_cannot_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert features.main(["--reviews", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("features: ")
    assert error.count("\n") == 1


@pytest.mark.shared
def test_the_real_reviews_leave_1444() -> None:
    paths = sorted(SHARED.glob("amazon_reviews_us_*.tsv.gz"))
    found, rows_read, dropped = features.read_reviews(paths, Rules())
    assert (len(found), rows_read) == (1444, 13_072)
    assert dropped == {"malformed": 0, "too_few_votes": 11_628, "no_text": 0, "duplicate": 0}
