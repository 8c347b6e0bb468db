import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import review_files
from pipelines.layouts import AMAZON_COLUMNS, Fields
from pipelines.review_files import Malformed, ReviewFileError, chunks
from tests.pipelines import samples

HEADER = "\t".join(AMAZON_COLUMNS)
ROWS = samples.many(7, products=3)


def read(path: Path) -> tuple[list[Fields], list[Malformed]]:
    found = list(chunks(path))
    rows = [fields for chunk in found for _, fields in chunk.rows]
    return rows, [row for chunk in found for row in chunk.malformed]


def problems(path: Path) -> list[tuple[int, str]]:
    return [(row.row, row.problem) for row in read(path)[1]]


def text(fields: Fields) -> str:
    return f"{fields[5]} {fields[6]}"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("layout", "content"),
    [("Amazon Customer Reviews", samples.tsv(ROWS)), ("Fine Food Reviews", samples.fine_food(ROWS))],
)
def test_tables_of_text_are_read_plain_and_packed(tmp_path: Path, layout: str, content: str, packed: bool) -> None:
    path = samples.write(tmp_path / "a name that says nothing", content, packed=packed)
    assert read(path) == (ROWS, [])
    assert {chunk.layout.name for chunk in chunks(path)} == {layout}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("write", [samples.json_lines, lambda objects: "".join(f"{one!r}\n" for one in objects)])
def test_json_lines_of_2014_are_read_also_as_python_writes_them(
    tmp_path: Path, write: Callable[[Sequence[Any]], str], packed: bool
) -> None:
    path = samples.write(tmp_path / "r", write(samples.mcauley_2014(ROWS)), packed=packed)
    rows, malformed = read(path)
    assert malformed == []
    expected = [(f"{review}/{product}/1252800000", product, *rest) for review, product, *rest in ROWS]
    assert [(*row[:4], row[4].removesuffix(".0"), *row[5:]) for row in rows] == expected


def test_json_lines_of_2023_have_no_total(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "r.jsonl", samples.json_lines(samples.mcauley_2023(ROWS)))
    rows, _ = read(path)
    assert [row[:4] for row in rows] == [
        (f"{review}/{product}-red/1588687728923", product, helpful, "") for review, product, helpful, *_ in ROWS
    ]
    assert not next(chunks(path)).layout.total_votes


def test_optional_members_may_be_missing_or_null(tmp_path: Path) -> None:
    first, second = samples.mcauley_2023(ROWS[:2])
    del first["title"], first["parent_asin"]
    second["text"] = None
    rows, malformed = read(samples.write(tmp_path / "r", samples.json_lines([first, second])))
    assert malformed == []
    assert [(row[1], row[5], row[6]) for row in rows] == [("P0-red", "", "fine 0"), ("P1", "Title", "")]


@pytest.mark.parametrize(
    ("name", "objects"),
    [
        ("Amazon Customer Reviews", samples.amazon_objects(ROWS)),
        ("McAuley 2014", samples.mcauley_2014(ROWS)),
        ("McAuley 2023", [{k: v for k, v in row.items() if k != "images"} for row in samples.mcauley_2023(ROWS)]),
    ],
)
def test_parquet_is_read_in_every_layout(tmp_path: Path, name: str, objects: list[dict[str, Any]]) -> None:
    path = samples.write_parquet(tmp_path / "part-0.snappy.parquet", objects, row_group_size=3)
    rows, malformed = read(path)
    assert malformed == []
    assert [text(row) for row in rows] == [text(row) for row in ROWS]
    assert next(chunks(path)).layout.name == name


def test_parquet_nulls_are_empty_text(tmp_path: Path) -> None:
    first, second = samples.amazon_objects(ROWS[:2])
    path = samples.write_parquet(tmp_path / "r.parquet", [first | {"review_body": None}, second])
    assert [row[6] for row in read(path)[0]] == ["", "fine 1"]


def test_chunks_are_bounded_in_rows_and_in_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_files, "CHUNK_ROWS", 10)
    monkeypatch.setattr(review_files, "CHUNK_CHARACTERS", 500)
    rows = [samples.row(n, text="x" * (200 if n > 30 else 1)) for n in range(60)]
    for path in (
        samples.write(tmp_path / "r.tsv", samples.tsv(rows)),
        samples.write_parquet(tmp_path / "r.parquet", samples.amazon_objects(rows)),
    ):
        found = [chunk.rows for chunk in chunks(path)]
        assert [fields for chunk in found for _, fields in chunk] == rows
        assert max(map(len, found)) == 10
        assert max(sum(len(cell) for _, row in chunk for cell in row) for chunk in found) < 500 + 250


def test_rows_that_are_no_rows_are_kept_aside_with_number_reason_and_content(tmp_path: Path) -> None:
    good = "R1\tP1\t5\t5\t5\ta\tb"
    path = samples.write(tmp_path / "r.tsv", f"{HEADER}\r\n{good}\r\n\r\nR2\tP1\t5\r\n{good}\textra\r\n")
    rows, malformed = read(path)
    assert rows == [tuple(good.split("\t"))]
    assert list(map(str, malformed)) == ["r.tsv row 4: 3 fields, not 7", "r.tsv row 5: 8 fields, not 7"]
    assert malformed[0].content == "R2\tP1\t5"


def test_stray_quotes_in_a_tsv_are_text(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "r.tsv", f'{HEADER}\nR1\tP1\t5\t5\t5\t5" cord\t"he said ""no"""\n')
    assert text(read(path)[0][0]) == '5" cord he said "no"'


def test_csv_records_may_have_several_lines_and_a_stray_mark_swallows_none(tmp_path: Path) -> None:
    header, first, *rest = samples.fine_food(ROWS).splitlines()
    long = first.replace("fine 0", '"two\nlines, and a ""mark"""')
    stray = rest[0].replace("fine", '"fine')
    path = samples.write(tmp_path / "r.csv", "\n".join([header, long, stray, *rest[1:]]) + "\n")
    rows, malformed = read(path)
    assert [row[6] for row in rows] == ['two\nlines, and a "mark"', *(f"fine {n}" for n in range(2, 7))]
    assert [(row.row, row.problem) for row in malformed] == [(4, "is not a record of CSV")]


@given(st.lists(st.sampled_from(["a,b,c\n", '"a\nb",c,d\n', '"a,b,c\n', 'a,"b"",c\n', '""",b,c\n', 'a"b,c,d\n'])))
def test_csv_records_give_every_line_once(lines: list[str]) -> None:
    content = list(enumerate("".join(lines).splitlines(), start=1))
    records = list(review_files.csv_records(iter(content), 3))
    assert [line for _, record in records for line in record.split("\n")] == [line for _, line in content]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not a JSON object"),
        ("[1, 2]", "is not a JSON object"),
        ("[" * 100_000, "is not a JSON object"),
        ('{"a": ' + "9" * 5000 + "}", "is not a JSON object"),
        ("{'a': open('/etc/passwd')}", "is not a JSON object"),
        ("{}", "helpful is missing"),
        ('{"helpful": 3, "reviewerID": "R", "asin": "P", "unixReviewTime": 1, "overall": 5}', "expected shape"),
        ('{"helpful": null, "reviewerID": "R", "asin": "P", "unixReviewTime": 1, "overall": 5}', "expected shape"),
        ("x" * 2_000_000, "longer than 1,048,576 characters"),
    ],
)
def test_a_wrong_line_of_json_is_kept_aside(tmp_path: Path, line: str, problem: str) -> None:
    first, second = samples.json_lines(samples.mcauley_2014(ROWS[:2])).splitlines()
    path = samples.write(tmp_path / "r.json", f"{first}\n{line}\n{second}\n")
    rows, malformed = read(path)
    assert len(rows) == 2
    assert (malformed[0].row, len(malformed)) == (2, 1)
    assert problem in malformed[0].problem
    assert len(malformed[0].content) <= review_files.LONGEST_LINE


def test_a_wrong_first_line_of_json_does_no_harm(tmp_path: Path) -> None:
    content = '{"reviewerID": "R"}\n' + samples.json_lines(samples.mcauley_2014(ROWS))
    rows, malformed = read(samples.write(tmp_path / "r.json", content))
    assert (len(rows), [row.problem for row in malformed]) == (7, ["helpful is missing"])


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path: Path) -> None:
    (review,) = samples.mcauley_2014(ROWS[:1])
    content = samples.json_lines([review | {"reviewText": "a\ud83d \U0001f600"}])
    rows, _ = read(samples.write(tmp_path / "r.json", content))
    assert rows[0][6] == "a\ufffd \U0001f600"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"review_id\ttotal_votes\nR1\t5\n", r"column product_id is missing \(and 4 more\)"),
        (b"%PDF-1.4\n\xff\xfe", "r is not a file of Amazon Customer Reviews: column review_id is missing .* readable"),
        (b"", "column review_id is missing"),
        (b"Id,ProductId,Score,Summary,Text\n", "not a file of Fine Food Reviews: column HelpfulnessNumerator is"),
        (b'{"user_id": 1, "asin": 2, "rating": 3, "text": ""}', "McAuley 2023: column helpful_vote is missing"),
        (b"{not json\n{neither\n", "begins like JSON Lines, but its first lines are not JSON objects"),
        (b"PAR1 and nothing more", "r is a damaged Parquet file"),
        (gzip.compress(b"x" * 9999, mtime=0)[:30], "damaged gzip"),
        (b"\x1f\x8bnothing of the kind", "damaged gzip"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(content)
    with pytest.raises(ReviewFileError, match=message) as caught:
        list(chunks(path))
    assert "\n" not in str(caught.value)


def test_a_parquet_file_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = samples.write_parquet(tmp_path / "r.parquet", samples.amazon_objects(samples.many(500)))
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    with pytest.raises(ReviewFileError, match=r"r\.parquet is a damaged Parquet file"):
        list(chunks(path))


@settings(max_examples=50)
@given(st.text(), st.sampled_from(["", HEADER + "\n", "Id,ProductId\n", "{", samples.fine_food([])]))
def test_no_text_makes_the_reader_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, content: str, header: str
) -> None:
    path = tmp_path_factory.mktemp("r") / "r"
    path.write_bytes((header + content).encode("utf-8", "surrogatepass"))
    try:
        rows, malformed = read(path)
    except ReviewFileError:
        return
    assert len(rows) + len(malformed) <= content.count("\n") + 1


def test_a_folder_is_read_with_its_folders_and_without_markers(tmp_path: Path) -> None:
    for name in ("b.tsv", "part=1/a.tsv", "_SUCCESS", ".a.tsv.crc"):
        samples.write(tmp_path / name, "x")
    samples.write(tmp_path / "empty.tsv", "")
    assert [path.name for path in review_files.data_files(tmp_path)] == ["b.tsv", "a.tsv"]
