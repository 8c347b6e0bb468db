"""Turns files of reviews into training text, test rows and a data card: the Processing script of PrepareFeatures.

    python -m pipelines.features --reviews FOLDER --output FOLDER [--seed 1] [--train-fraction 0.9] ...

It needs this package, pandas and, for Parquet, pyarrow; every path is an argument. What it writes to OUTPUT/: see
FILES; index/reviews.csv, a row for each review kept; quarantine/malformed.jsonl; card/features.json, the data card.
Exit code 1 with one line on standard error if the reviews cannot be used. Memory does not grow with the reviews.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pipelines.layouts import LAYOUTS
from pipelines.review_files import Malformed, ReviewFileError, chunks, data_files
from pipelines.rules import HELPFUL, SENTIMENTS, FeaturesError, Rules, usable
from pipelines.staging import Review, Staging

FIRST_MALFORMED = 10  # named in the card, and where there are too many of them

# By slice, the files that it goes to, a line a review: training text for BlazingText, rows and labels for batch
# transform, the simulated users' reviews.
FILES: Mapping[str, Mapping[str, Callable[[Review], str]]] = {
    "train": {"train/train.txt": lambda review: f"{review.label} {review.text}"},
    "validation": {"validation/validation.txt": lambda review: f"{review.label} {review.text}"},
    "test": {
        "test/test.jsonl": lambda review: json.dumps({"source": review.text}),
        "labels/labels.txt": lambda review: review.label,
    },
    "traffic": {"traffic/traffic.jsonl": lambda review: json.dumps({"text": review.text, "label": review.label})},
}
INDEX = (
    *("review_id", "product_id", "slice", "label", "helpful_votes", "total_votes", "helpful_score"),
    *("star_rating", "sentiment", "tokens"),
)


@dataclass
class Reading:
    """What was read: files and rows by layout, rows dropped by reason, the first malformed ones."""

    files: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(
        default_factory=lambda: Counter(malformed=0, too_few_votes=0, no_text=0, duplicate=0, too_few_product_votes=0)
    )
    first_malformed: list[Malformed] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        return self.rows.total()

    @property
    def notes(self) -> list[str]:
        """Returns what you should know of these reviews."""
        return [
            f"{layout.name} has no total votes, so that helpful_score is not known: its reviews with enough helpful "
            "votes are Helpful, those without any NotHelpful, those between are dropped"
            for layout in LAYOUTS
            if layout.name in self.rows and not layout.total_votes
        ]


def read_reviews(paths: Iterable[Path], rules: Rules, staging: Staging, quarantine: TextIO) -> Reading:
    """Stages every usable review and writes the malformed rows as JSON lines.

    Neither the order of rows nor that of files matters. Raises FeaturesError for a file that cannot be used, too many
    malformed rows, or if nothing is left.
    """
    reading = Reading()
    try:
        for path in paths:
            read_file(path, rules, staging, quarantine, reading)
    except ReviewFileError as error:
        raise FeaturesError(str(error)) from None
    reading.dropped["duplicate"] = reading.rows_read - reading.dropped.total() - len(staging)
    reading.dropped["too_few_product_votes"] = staging.drop_products(rules.minimum_product_helpful_votes)
    check(reading, rules, len(staging))
    return reading


def read_file(path: Path, rules: Rules, staging: Staging, quarantine: TextIO, reading: Reading) -> None:
    for number, chunk in enumerate(chunks(path)):
        reading.files[chunk.layout.name] += number == 0
        reading.rows[chunk.layout.name] += len(chunk.rows) + len(chunk.malformed)
        found = usable(chunk, rules)
        staging.add(found.rows)
        reading.dropped.update(found.dropped)
        quarantine.writelines(json.dumps(asdict(row)) + "\n" for row in found.malformed)
        reading.first_malformed += found.malformed[: FIRST_MALFORMED - len(reading.first_malformed)]


def check(reading: Reading, rules: Rules, kept: int) -> None:
    """Raises FeaturesError for too many malformed rows, or none left."""
    malformed, rows_read = reading.dropped["malformed"], reading.rows_read
    if malformed > rules.maximum_malformed_share * rows_read:
        raise FeaturesError(
            f"{malformed:,} of {rows_read:,} rows are malformed, which is more than the share "
            f"{rules.maximum_malformed_share:g} that is tolerated: {'; '.join(map(str, reading.first_malformed))}"
        )
    if not kept:
        raise FeaturesError(
            f"no usable review among {rows_read} rows: none has text and at least {rules.minimum_votes} votes, of a "
            f"product with at least {rules.minimum_product_helpful_votes} helpful votes"
        )


def check_slices(staging: Staging, rules: Rules) -> None:
    """Raises FeaturesError if a slice that should have reviews has none."""
    products = staging.products()
    for name in FILES:
        if name not in products and (name != "traffic" or rules.traffic_fraction > 0):
            raise FeaturesError(
                f"{len(staging)} usable reviews of {sum(products.values())} products leave none for {name}: "
                "use more, or other fractions"
            )


def write_slices(staging: Staging, output: Path) -> None:
    """Writes FILES and the index."""
    with opened(output / "index" / "reviews.csv") as index:
        rows = csv.writer(index, lineterminator="\n")
        rows.writerow(INDEX)
        for name, files in FILES.items():
            with ExitStack() as stack:
                writing = [(stack.enter_context(opened(output / path)), line) for path, line in files.items()]
                for review in staging.reviews(name):
                    rows.writerow(indexed(review))
                    for file, line in writing:
                        file.write(line(review) + "\n")


def indexed(review: Review) -> list[Any]:
    """Returns the review in the columns of INDEX; no score where total votes are unknown."""
    score = None if review.total_votes is None else review.helpful_votes / review.total_votes
    values = review._asdict() | {"helpful_score": score}
    return [values[name] for name in INDEX]


def opened(path: Path) -> TextIO:
    """Opens a new file in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="\n")


def data_card(staging: Staging, reading: Reading, rules: Rules, source: str) -> dict[str, Any]:
    """Returns what went in, what was dropped and why, each slice's size, balance and lengths, and the settings."""
    none = dict.fromkeys(FILES, 0)
    rows, helpful, by_sentiment = Counter(none), Counter(none), {name: Counter(none) for name in SENTIMENTS}
    helpful_by_sentiment = Counter(dict.fromkeys(SENTIMENTS, 0))
    for name, sentiment, label, count in staging.balance():
        rows[name] += count
        by_sentiment[sentiment][name] += count
        helpful[name] += count * (label == HELPFUL)
        helpful_by_sentiment[sentiment] += count * (label == HELPFUL)
    return {
        "source": source,
        "files": dict(reading.files),
        "rows_read_by_layout": dict(reading.rows),
        "rows_read": reading.rows_read,
        "dropped": dict(reading.dropped),
        "first_malformed": [str(row) for row in reading.first_malformed],
        "rows_kept": len(staging),
        "rows": dict(rows),
        "helpful_rows": dict(helpful),
        "products": none | staging.products(),
        "rows_by_sentiment": {name: dict(counts) for name, counts in by_sentiment.items()},
        "helpful_rows_by_sentiment": dict(helpful_by_sentiment),
        "tokens": {name: distribution(staging.lengths(name)) for name in FILES if rows[name]},
        "rows_without_total_votes": staging.without_total_votes(),
        "notes": reading.notes,
        "settings": asdict(rules),
    }


def distribution(counts: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Returns mean, least, median, 95 % point and greatest of (value, how often) pairs, in order, not empty."""
    total = sum(count for _, count in counts)
    return {
        "mean": sum(value * count for value, count in counts) / total,
        **{name: quantile(counts, total, share) for name, share in (("minimum", 0.0), ("median", 0.5), ("p95", 0.95))},
        "maximum": counts[-1][0],
    }


def quantile(counts: Sequence[tuple[int, int]], total: int, share: float) -> int:
    """Returns the least value that at least this share of all do not exceed."""
    passed = 0
    for value, count in counts:
        passed += count
        if passed >= share * total:
            return value
    raise ValueError("share is above 1")


def prepare(reviews: Path, output: Path, source: str, rules: Rules) -> dict[str, Any]:
    """Reads every file in the folder `reviews`, writes all outputs, and returns the data card."""
    paths = data_files(reviews)
    if not paths:
        raise FeaturesError(f"there is no file in {source}")
    output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=output) as scratch,
        Staging(Path(scratch) / "reviews.sqlite") as staging,
        opened(output / "quarantine" / "malformed.jsonl") as quarantine,
    ):
        reading = read_reviews(paths, rules, staging, quarantine)
        check_slices(staging, rules)
        write_slices(staging, output)
        card = data_card(staging, reading, rules, source)
    with opened(output / "card" / "features.json") as file:
        file.write(json.dumps(card, indent=1) + "\n")
    return card


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Features from reviews.")
    parser.add_argument("--reviews", type=Path, required=True, help="folder of files of reviews")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--source", default="", help="what the data card calls the reviews")
    for name, default in asdict(Rules()).items():
        parser.add_argument("--" + name.replace("_", "-"), default=str(default))
    options = vars(parser.parse_args(arguments))
    reviews, output, source = (options.pop(name) for name in ("reviews", "output", "source"))
    try:
        card = prepare(reviews, output, source or str(reviews), Rules.of(options))
    except FeaturesError as error:
        print(f"features: {error}", file=sys.stderr)
        return 1
    for note in card["notes"]:
        print(f"features: {note}", file=sys.stderr)
    print(json.dumps(card))
    return 0


if __name__ == "__main__":
    sys.exit(main())
