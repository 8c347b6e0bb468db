"""Files of reviews in every layout, for tests."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from pipelines.layouts import AMAZON_COLUMNS, FINE_FOOD_COLUMNS, Fields

Rows = Sequence[Fields]  # in the order of layouts.FIELDS


def row(number: int, product: str = "P1", helpful: object = 10, total: object = 10, text: str = "fine") -> Fields:
    return f"R{number}", product, str(helpful), str(total), "5", "Title", f"{text} {number}"


def many(count: int, products: int = 50) -> list[Fields]:
    """Usable rows, two thirds of them helpful, spread over products that all have enough helpful votes."""
    return [row(n, f"P{n % products}", helpful=10 if n % 3 else 5) for n in range(count)]


def tsv(rows: Rows) -> str:
    return "".join("\t".join(cells) + "\n" for cells in (AMAZON_COLUMNS, *rows))


def fine_food(rows: Rows) -> str:
    """As Fine Food Reviews: also columns that we do not read."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("ProfileName", *FINE_FOOD_COLUMNS, "Time"))
    writer.writerows(("somebody", *cells, "1303862400") for cells in rows)
    return text.getvalue()


def mcauley_2014(rows: Rows) -> list[dict[str, Any]]:
    """The review's id goes into the reviewer's."""
    return [
        {
            "reviewerID": review,
            "asin": product,
            "helpful": [int(helpful), int(total)],
            "overall": float(stars),
            "summary": headline,
            "reviewText": body,
            "unixReviewTime": 1252800000,
        }
        for review, product, helpful, total, stars, headline, body in rows
    ]


def mcauley_2023(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "user_id": review,
            "asin": f"{product}-red",
            "parent_asin": product,
            "helpful_vote": int(helpful),
            "rating": float(stars),
            "title": headline,
            "text": body,
            "timestamp": 1588687728923,
            "images": [],
            "verified_purchase": True,
        }
        for review, product, helpful, _, stars, headline, body in rows
    ]


def json_lines(objects: Sequence[Any]) -> str:
    return "".join(json.dumps(found) + "\n" for found in objects)


def write(path: Path, content: str, *, packed: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    return path


def write_parquet(path: Path, objects: Sequence[dict[str, Any]], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(list(objects)), path, **options)
    return path


def amazon_objects(rows: Rows) -> list[dict[str, Any]]:
    """With the types of the published Parquet files."""
    numbers = ("helpful_votes", "total_votes", "star_rating")
    return [
        {name: int(cell) if name in numbers else cell for name, cell in zip(AMAZON_COLUMNS, cells, strict=True)}
        for cells in rows
    ]
