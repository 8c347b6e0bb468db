"""Features from Amazon Customer Reviews: plain functions, and the Processing script of PrepareFeatures.

The script is uploaded alone, so it uses only the standard library and pandas, and every path is an argument:

    python features.py --reviews FOLDER --output FOLDER [--seed 1] [--train-fraction 0.9] ...

It writes OUTPUT/{train/train.txt, validation/validation.txt, test/test.jsonl, labels/labels.txt,
traffic/traffic.jsonl, card/features.json}. Exit code 1 with one line on standard error if the reviews cannot be used.
"""

import argparse
import gzip
import hashlib
import html
import json
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ("review_id", "helpful_votes", "total_votes", "review_headline", "review_body")
HELPFUL, NOT_HELPFUL = "__label__Helpful", "__label__NotHelpful"
CHUNK_ROWS = 50_000
GZIP_MAGIC = b"\x1f\x8b"

# Words (letters and digits, apostrophes inside), and every other visible character by itself. The underscore is
# split off too, so that no review can contain a `__label__`.
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|_|[^\w\s\x00-\x1f\x7f-\x9f]")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class FeaturesError(ValueError):
    """The reviews or the settings cannot be used; the message is one line that says why."""


@dataclass(frozen=True)
class Rules:
    """What counts as a usable and as a helpful review, and how the usable ones are split.

    Fractions are 0..1. Traffic is taken off first; train, validation and test are fractions of the rest, sum to 1
    and are above 0. Defaults are the published ones.
    """

    minimum_votes: int = 5
    helpfulness_threshold: float = 0.8
    train_fraction: float = 0.9
    validation_fraction: float = 0.05
    test_fraction: float = 0.05
    traffic_fraction: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        parts = (self.train_fraction, self.validation_fraction, self.test_fraction)
        if min(parts) <= 0 or abs(sum(parts) - 1) > 1e-6:
            raise FeaturesError(f"train, validation and test fractions must be above 0 and sum to 1, not {parts}")
        if not 0 <= self.traffic_fraction < 1:
            raise FeaturesError(f"the traffic fraction must be at least 0 and below 1, not {self.traffic_fraction}")
        if self.minimum_votes < 1:
            raise FeaturesError(f"minimum votes must be at least 1, not {self.minimum_votes}")
        if not 0 <= self.helpfulness_threshold < 1:
            raise FeaturesError(f"the helpfulness threshold must be in [0, 1), not {self.helpfulness_threshold}")


def normalise(text: str) -> str:
    """Text as the models know it: lower-case tokens with single spaces between them.

    Whoever calls an endpoint passes its text through this first. Stable: normalise(normalise(x)) == normalise(x).
    """
    plain = BREAK.sub(" ", html.unescape(text)).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).lower())
    return " ".join(TOKEN.findall(folded))


def unquoted(field: str) -> str:
    """A field without the quotation marks around it; marks elsewhere are part of the text."""
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def lines(path: Path) -> Iterator[str]:
    """Lines of a plain or gzip file, without their ends. Bytes that are no UTF-8 become U+FFFD."""
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
    opened = gzip.open if packed else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FeaturesError(f"{path.name} is a damaged gzip file: {error}") from None


def frames(path: Path, dropped: Counter[str]) -> Iterator[pd.DataFrame]:
    """The file's rows in pieces, all columns text; rows with a wrong number of fields only in dropped["malformed"].

    Read by line and tab, not by a CSV parser: the real files hold stray quotation marks, at which one loses rows.
    Raises FeaturesError naming a missing column.
    """
    rows = lines(path)
    header = [unquoted(field) for field in next(rows, "").split("\t")]
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise FeaturesError(
            f"{path.name} is not a file of Amazon Customer Reviews: column {missing[0]} is missing"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
        )
    places = [header.index(column) for column in COLUMNS]
    while chunk := list(islice(rows, CHUNK_ROWS)):
        fields = [line.split("\t") for line in chunk if line]
        whole = [[unquoted(row[place]) for place in places] for row in fields if len(row) == len(header)]
        dropped["malformed"] += len(fields) - len(whole)
        yield pd.DataFrame(whole, columns=list(COLUMNS), dtype=object)


def usable(frame: pd.DataFrame, rules: Rules, dropped: Counter[str]) -> pd.DataFrame:
    """The rows that the rules keep, as columns review_id, total_votes, label, text; the others counted by reason."""
    votes = frame[["helpful_votes", "total_votes"]].apply(pd.to_numeric, errors="coerce")
    possible = (votes.helpful_votes >= 0) & (votes.helpful_votes <= votes.total_votes)
    dropped["malformed"] += int((~possible).sum())
    enough = possible & (votes.total_votes >= rules.minimum_votes)
    dropped["too_few_votes"] += int((possible & ~enough).sum())
    kept, votes = frame[enough], votes[enough]
    text = (kept.review_headline + " " + kept.review_body).map(normalise)
    is_helpful = votes.helpful_votes / votes.total_votes > rules.helpfulness_threshold
    table = pd.DataFrame(
        {
            "review_id": kept.review_id,
            "total_votes": votes.total_votes,
            "label": is_helpful.map({True: HELPFUL, False: NOT_HELPFUL}),
            "text": text,
        }
    )
    dropped["no_text"] += int((text == "").sum())
    kept_rows: pd.DataFrame = table[text != ""]
    return kept_rows


def read_reviews(paths: Sequence[Path], rules: Rules) -> tuple[pd.DataFrame, int, Counter[str]]:
    """All usable reviews sorted by id, each id once; the number of rows read; dropped rows by reason.

    Of rows with the same id the one with the most votes stays (then the first in order of label and text), so that
    the order of rows and files does not matter. Raises FeaturesError if nothing is left.
    """
    dropped: Counter[str] = Counter(malformed=0, too_few_votes=0, no_text=0, duplicate=0)
    tables = [usable(frame, rules, dropped) for path in paths for frame in frames(path, dropped)]
    every = pd.concat(tables) if tables else pd.DataFrame(columns=["review_id", "total_votes", "label", "text"])
    ordered = every.sort_values(["review_id", "total_votes", "label", "text"], ascending=[True, False, True, True])
    table = ordered.drop_duplicates("review_id", ignore_index=True)
    dropped["duplicate"] += len(every) - len(table)
    rows_read = len(table) + dropped.total()
    if table.empty:
        raise FeaturesError(
            f"no usable review among {rows_read} rows: none has text and at least {rules.minimum_votes} votes"
        )
    return table, rows_read, dropped


def position(review_id: str, seed: int) -> float:
    """Where a review stands in [0, 1): a hash of seed and id, the same on every machine."""
    digest = hashlib.blake2b(f"{seed}/{review_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def slice_of(place: float, rules: Rules) -> str:
    """traffic, train, validation or test for a position in [0, 1]."""
    if place < rules.traffic_fraction:
        return "traffic"
    rest = (place - rules.traffic_fraction) / (1 - rules.traffic_fraction)
    if rest < rules.train_fraction:
        return "train"
    return "validation" if rest < rules.train_fraction + rules.validation_fraction else "test"


def split(table: pd.DataFrame, rules: Rules) -> dict[str, pd.DataFrame]:
    """Slices by name, rows in order of their position, which is as good as shuffled.

    Raises FeaturesError if a slice that should have rows has none.
    """
    placed = table.assign(place=[position(review_id, rules.seed) for review_id in table.review_id])
    placed = placed.sort_values(["place", "review_id"])
    names = placed.place.map(lambda place: slice_of(place, rules))
    slices = {name: placed[names == name] for name in ("train", "validation", "test", "traffic")}
    for name, rows in slices.items():
        if rows.empty and (name != "traffic" or rules.traffic_fraction > 0):
            raise FeaturesError(f"{len(table)} usable reviews leave none for {name}: use more, or other fractions")
    return slices


def write_lines(path: Path, texts: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{text}\n" for text in texts)


def write_slices(slices: Mapping[str, pd.DataFrame], output: Path) -> None:
    """Training text for BlazingText, rows and labels for batch transform, and the simulated users' reviews."""
    for name in ("train", "validation"):
        write_lines(output / name / f"{name}.txt", slices[name].label + " " + slices[name].text)
    write_lines(output / "test" / "test.jsonl", (json.dumps({"source": text}) for text in slices["test"].text))
    write_lines(output / "labels" / "labels.txt", slices["test"].label)
    traffic = zip(slices["traffic"].text, slices["traffic"].label, strict=True)
    rows = (json.dumps({"text": text, "label": label}) for text, label in traffic)
    write_lines(output / "traffic" / "traffic.jsonl", rows)


def data_card(slices: Mapping[str, pd.DataFrame], **facts: Any) -> dict[str, Any]:
    """What went in, what was dropped and why, and the size and balance of each slice."""
    helpful = {name: int((rows.label == HELPFUL).sum()) for name, rows in slices.items()}
    return {
        **facts,
        "rows_kept": sum(len(rows) for rows in slices.values()),
        "rows": {name: len(rows) for name, rows in slices.items()},
        "helpful_rows": helpful,
    }


def prepare(reviews: Path, output: Path, source: str, rules: Rules) -> dict[str, Any]:
    """Reads every file in the folder `reviews`, writes the slices and the data card, and returns the card."""
    paths = sorted(path for path in reviews.rglob("*") if path.is_file())
    if not paths:
        raise FeaturesError(f"there is no file in {source}")
    table, rows_read, dropped = read_reviews(paths, rules)
    slices = split(table, rules)
    write_slices(slices, output)
    card = data_card(slices, source=source, rows_read=rows_read, dropped=dict(dropped), settings=asdict(rules))
    write_lines(output / "card" / "features.json", [json.dumps(card, indent=1)])
    return card


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Features from Amazon Customer Reviews.")
    parser.add_argument("--reviews", type=Path, required=True, help="folder of TSV files, plain or gzip")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--source", default="", help="what the data card calls the reviews")
    for name, default in asdict(Rules()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    options = vars(parser.parse_args(arguments))
    reviews, output, source = (options.pop(name) for name in ("reviews", "output", "source"))
    try:
        card = prepare(reviews, output, source or str(reviews), Rules(**options))
    except FeaturesError as error:
        print(f"features: {error}", file=sys.stderr)
        return 1
    print(json.dumps(card))
    return 0


if __name__ == "__main__":
    sys.exit(main())
