"""Keeps usable reviews on disk while they are put in order: memory stays flat however many there are.

SQLite keeps each review once, sorts, sums and counts in a scratch file; it is part of Python.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

CACHE_KIB = 64 * 1024


class Review(NamedTuple):
    """A usable review. `tokens` counts those of `text`; `place`, in [0, 1), gives the order within the slice."""

    review_id: str
    product_id: str
    helpful_votes: int
    total_votes: int | None  # none where a layout has only the helpful ones
    star_rating: float
    sentiment: str
    label: str
    text: str
    tokens: int
    slice: str
    place: float


CREATE = """
CREATE TABLE reviews (review_id TEXT PRIMARY KEY, product_id TEXT, helpful_votes INTEGER, total_votes INTEGER,
star_rating REAL, sentiment TEXT, label TEXT, text TEXT, tokens INTEGER, slice TEXT, place REAL)
"""

# Of rows with the same id the one with the most votes stays. The rest decides ties, so that order never does.
ADD = """
INSERT INTO reviews AS old VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (review_id) DO UPDATE
SET (product_id, helpful_votes, total_votes, star_rating, sentiment, label, text, tokens, slice) =
(excluded.product_id, excluded.helpful_votes, excluded.total_votes, excluded.star_rating, excluded.sentiment,
excluded.label, excluded.text, excluded.tokens, excluded.slice)
WHERE (ifnull(excluded.total_votes, excluded.helpful_votes), ifnull(excluded.total_votes, -1),
excluded.helpful_votes, excluded.product_id, excluded.star_rating, excluded.text) >
(ifnull(old.total_votes, old.helpful_votes), ifnull(old.total_votes, -1),
old.helpful_votes, old.product_id, old.star_rating, old.text)
"""
UNVOTED = """
DELETE FROM reviews WHERE product_id IN
(SELECT product_id FROM reviews GROUP BY product_id HAVING sum(helpful_votes) < ?)
"""


class Staging:
    """A table of reviews in the new file `path`; use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for setting in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.execute(CREATE)

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM reviews").fetchone()[0])

    def add(self, rows: pd.DataFrame) -> None:
        """Adds rows with a Review's columns; one whose id is there stays out or takes the other's place."""
        self._connection.execute("BEGIN")
        self._connection.executemany(ADD, rows[list(Review._fields)].itertuples(index=False, name=None))
        self._connection.execute("COMMIT")

    def drop_products(self, minimum_helpful_votes: int) -> int:
        """Removes the reviews of products with fewer helpful votes in sum; returns how many."""
        return self._connection.execute(UNVOTED, (minimum_helpful_votes,)).rowcount

    def reviews(self, slice_name: str) -> Iterator[Review]:
        """Yields the slice's reviews in order of their places, which is as good as shuffled."""
        found = "SELECT * FROM reviews WHERE slice = ? ORDER BY place, review_id"
        return map(Review._make, self._connection.execute(found, (slice_name,)))

    def balance(self) -> list[tuple[str, str, str, int]]:
        """Counts reviews by slice, sentiment and label."""
        found = "SELECT slice, sentiment, label, count(*) FROM reviews GROUP BY slice, sentiment, label"
        return self._connection.execute(found).fetchall()

    def products(self) -> dict[str, int]:
        """Counts the products in each slice that has any."""
        found = "SELECT slice, count(DISTINCT product_id) FROM reviews GROUP BY slice"
        return dict(self._connection.execute(found).fetchall())

    def lengths(self, slice_name: str) -> list[tuple[int, int]]:
        """Counts the slice's reviews by number of tokens, shortest first."""
        found = "SELECT tokens, count(*) FROM reviews WHERE slice = ? GROUP BY tokens ORDER BY tokens"
        return self._connection.execute(found, (slice_name,)).fetchall()

    def without_total_votes(self) -> int:
        found = "SELECT count(*) FROM reviews WHERE total_votes IS NULL"
        return int(self._connection.execute(found).fetchone()[0])
