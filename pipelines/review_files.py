"""Reads files of reviews, plain or gzip, a bounded number of rows at a time: TSV, CSV, JSON Lines, Parquet.

What a file is, its content says, not its name. A row that cannot be read is kept aside with the reason; a file that
cannot be used raises ReviewFileError.
"""

import ast
import csv
import gzip
import json
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pipelines.layouts import Fields, Layout, UnknownLayoutError, layout_of

CHUNK_ROWS = 10_000
CHUNK_CHARACTERS = 16 << 20  # a chunk ends with the row that reaches either
LONGEST_LINE = 1 << 20  # characters; real reviews have up to some 50,000
LONGEST_RECORD = 200  # lines of one CSV record
FIRST_OBJECTS = 100  # lines of JSON of which one must tell the layout
BUFFER_BYTES = 1 << 20  # of each column of a Parquet file
GZIP_MAGIC, PARQUET_MAGIC = b"\x1f\x8b", b"PAR1"

Lines = Iterator[tuple[int, str]]  # with their numbers, from 1


class ReviewFileError(ValueError):
    """The file cannot be used; the message is one line that says why."""


class RowError(ValueError):
    """One row cannot be read; the message says why."""


@dataclass(frozen=True)
class Malformed:
    """A row kept aside; `row` counts from 1 (in text files: lines, the header among them)."""

    file: str
    row: int
    problem: str
    content: str

    def __str__(self) -> str:
        return f"{self.file} row {self.row}: {self.problem}"


@dataclass
class Chunk:
    """Up to CHUNK_ROWS rows of one file with their numbers, and those that could not be read."""

    file: str
    layout: Layout
    rows: list[tuple[int, Fields]] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Holds an opened file: its rows as they come, numbered, and how to take the fields from one (or RowError)."""

    layout: Layout
    records: Iterator[tuple[int, Any]]
    parse: Callable[[Any], Fields]


def holds_reviews(name: str) -> bool:
    """Says whether a path may hold reviews: it is not that of a marker such as _SUCCESS, or of a checksum."""
    return not name.rsplit("/", 1)[-1].startswith(("_", "."))


def data_files(folder: Path) -> list[Path]:
    """Returns the files in a folder and its folders that may hold reviews, none of them empty."""
    files = (path for path in folder.rglob("*") if path.is_file() and holds_reviews(path.name))
    return sorted(path for path in files if path.stat().st_size)


def chunks(path: Path) -> Iterator[Chunk]:
    """Yields the file in pieces, at least one. Raises ReviewFileError."""
    try:
        source = parquet(path) if starts_with(path, PARQUET_MAGIC) else text_file(path)
        records = iter(source.records)
        while True:
            chunk = next_chunk(path.name, source, records)
            yield chunk
            if not chunk.rows and not chunk.malformed:
                return
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ReviewFileError(f"{path.name} is a damaged gzip file: {error}") from None
    except UnknownLayoutError as error:
        raise ReviewFileError(str(error)) from None


def next_chunk(file: str, source: Source, records: Iterator[tuple[int, Any]]) -> Chunk:
    chunk, characters = Chunk(file, source.layout), 0
    for number, content in islice(records, CHUNK_ROWS):
        try:
            fields = source.parse(content)
            chunk.rows.append((number, fields))
            characters += sum(map(len, fields))
        except RowError as error:
            chunk.malformed.append(Malformed(file, number, str(error), str(content)))
            characters += len(chunk.malformed[-1].content)
        if characters >= CHUNK_CHARACTERS:
            break
    return chunk


def starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as raw:
        return raw.read(len(magic)) == magic


def lines(path: Path) -> Lines:
    """Yields lines without their ends, blank ones left out, each cut off after LONGEST_LINE characters.

    Bytes that are no UTF-8 become U+FFFD.
    """
    opened = gzip.open if starts_with(path, GZIP_MAGIC) else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            rest = line
            while len(rest) == LONGEST_LINE and not rest.endswith("\n"):
                rest = file.readline(LONGEST_LINE)
            if line := line.rstrip("\r\n"):
                yield number, line


def text_file(path: Path) -> Source:
    numbered = lines(path)
    first = next(numbered, (1, ""))
    if first[1].startswith("{"):
        return json_lines(path.name, chain([first], numbered))
    return tsv(path.name, first[1], numbered) if "\t" in first[1] else csv_file(path.name, first[1], numbered)


def whole(line: str) -> str:
    """Returns the line itself. Raises RowError for one that was cut off."""
    if len(line) >= LONGEST_LINE:
        raise RowError(f"longer than {LONGEST_LINE:,} characters")
    return line


def picked(layout: Layout, row: Mapping[str, Any]) -> Fields:
    """Returns the fields of a row of named values. Raises RowError."""
    try:
        return layout.pick(row)
    except KeyError as error:
        raise RowError(f"{error.args[0]} is missing") from None
    except (TypeError, ValueError):
        raise RowError("a value is not of the expected shape") from None


def tabular(layout: Layout, header: list[str], cells: list[str]) -> Fields:
    """Returns the fields of a row of cells. Raises RowError for a wrong number of them."""
    if len(cells) != len(header):
        raise RowError(f"{len(cells)} fields, not {len(header)}")
    return picked(layout, dict(zip(header, cells, strict=True)))


def unquoted(cell: str) -> str:
    """Returns a cell without the quotation marks around it; marks elsewhere are part of the text."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def tsv(file: str, first: str, numbered: Lines) -> Source:
    """Splits at tabs, not by a CSV parser: the real files hold stray quotation marks, at which one loses rows."""
    header = [unquoted(name) for name in first.split("\t")]
    layout = layout_of(header, file)

    def parse(line: str) -> Fields:
        return tabular(layout, header, [unquoted(cell) for cell in whole(line).split("\t")])

    return Source(layout, numbered, parse)


def csv_file(file: str, first: str, numbered: Lines) -> Source:
    header = parsed_csv(first) or []
    layout = layout_of(header, file)

    def parse(record: str) -> Fields:
        cells = parsed_csv(whole(record))
        if cells is None:
            raise RowError("is not a record of CSV")
        return tabular(layout, header, cells)

    return Source(layout, csv_records(numbered, len(header)), parse)


def parsed_csv(record: str) -> list[str] | None:
    """Returns the cells of one record; None if its quotation marks do not fit."""
    try:
        return next(csv.reader([record], strict=True), None)
    except csv.Error:
        return None


def csv_records(numbered: Lines, width: int) -> Lines:
    """Records of `width` cells with the number of their first line: lines are joined until quotation marks pair.

    Where what was joined is no such record, only its first line is given, and the rest is read anew: one stray mark
    must not swallow the rows after it.
    """
    waiting: deque[tuple[int, str]] = deque()

    def following() -> tuple[int, str] | None:
        return waiting.popleft() if waiting else next(numbered, None)

    while first := following():
        taken, marks = [first], first[1].count('"')
        while marks % 2 and len(taken) < LONGEST_RECORD and (more := following()):
            taken.append(more)
            marks += more[1].count('"')
        number, record = first[0], "\n".join(line for _, line in taken)
        if len(taken) > 1 and len(parsed_csv(record) or ()) != width:
            waiting.extendleft(reversed(taken[1:]))
            record = first[1]
        yield number, record


def json_lines(file: str, numbered: Lines) -> Source:
    """Opens a file with an object a line, all of one layout. Raises ReviewFileError, UnknownLayoutError."""
    first = list(islice(numbered, FIRST_OBJECTS))
    layout = json_layout(file, [line for _, line in first])
    return Source(layout, chain(first, numbered), lambda line: picked(layout, json_object(line)))


def json_layout(file: str, first: list[str]) -> Layout:
    """Returns the layout of the first line that is an object of a known one: a malformed first line does no harm."""
    problem: ValueError = ReviewFileError(f"{file} begins like JSON Lines, but its first lines are not JSON objects")
    for line in first:
        try:
            return layout_of(json_object(line), file)
        except UnknownLayoutError as error:
            problem = error
        except RowError:
            continue
    raise problem


def json_object(line: str) -> Mapping[str, Any]:
    """Reads one line's object; also as Python writes it, which the first files of 2014 do. Raises RowError."""
    line = whole(line)
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = python_literal(line) if line.startswith("{'") else None
    if not isinstance(found, dict):
        raise RowError("is not a JSON object")
    return found


def python_literal(line: str) -> Any:
    """Returns the value that the line writes as Python; None if it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # about backslashes in somebody's text
            return ast.literal_eval(line)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def parquet(path: Path) -> Source:
    """Opens a Parquet file.

    Raises ReviewFileError, UnknownLayoutError. Needs pyarrow, which the scikit-learn image has.
    """
    from pyarrow import ArrowException  # slow to import, and only these files need it
    from pyarrow.parquet import ParquetFile

    def rows() -> Iterator[tuple[int, Any]]:
        try:
            batches = file.iter_batches(batch_size=CHUNK_ROWS, columns=names)
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
        except (ArrowException, OSError) as error:
            raise damaged(path, error) from None

    try:
        file = ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)  # not whole row groups
    except (ArrowException, OSError) as error:
        raise damaged(path, error) from None
    layout = layout_of(file.schema_arrow.names, path.name)
    names = [name for name in (*layout.required, *layout.optional) if name in file.schema_arrow.names]
    return Source(layout, rows(), lambda row: picked(layout, row))


def damaged(path: Path, error: Exception) -> ReviewFileError:
    return ReviewFileError(f"{path.name} is a damaged Parquet file: {' '.join(str(error).split())}")
