"""Knows the published layouts of review data sets, and how a row of each becomes the seven fields that we use."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

FIELDS = ("review_id", "product_id", "helpful_votes", "total_votes", "star_rating", "headline", "body")
Fields = tuple[str, ...]  # in the order of FIELDS, all text as it stood in the file


class UnknownLayoutError(ValueError):
    """A file is in none of the layouts; the message says in one line what is missing for the nearest."""


@dataclass(frozen=True)
class Layout:
    """`required` are the names that a file must have, `optional` those that rows may lack.

    `pick` takes the fields from a row by name; it raises KeyError, TypeError or ValueError for an unfit row.
    `formats` are those in which the data set is published.
    `total_votes` is False where only helpful votes are published: there the field total_votes is empty.
    """

    name: str
    formats: str
    required: tuple[str, ...]
    pick: Callable[[Mapping[str, Any]], Fields]
    optional: tuple[str, ...] = ()
    total_votes: bool = True


def text(value: Any) -> str:
    """Returns a value as text that UTF-8 can hold: nothing for null, U+FFFD for half a surrogate pair."""
    found = "" if value is None else str(value)
    return found if found.isascii() else found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def columns(*names: str) -> Callable[[Mapping[str, Any]], Fields]:
    """Picks the fields from columns that hold one field each; a cell may be null."""

    def pick(row: Mapping[str, Any]) -> Fields:
        return tuple(text(row[name]) for name in names)

    return pick


def mcauley_2014(row: Mapping[str, Any]) -> Fields:
    helpful, total = row["helpful"]
    review_id = "/".join(text(row[name]) for name in ("reviewerID", "asin", "unixReviewTime"))
    votes_and_stars = (text(helpful), text(total), text(row["overall"]))
    return review_id, text(row["asin"]), *votes_and_stars, text(row.get("summary")), text(row.get("reviewText"))


def mcauley_2023(row: Mapping[str, Any]) -> Fields:
    """Picks the fields; the product is `parent_asin`, which the data set itself calls the product's id."""
    review_id = "/".join(text(row[name]) for name in ("user_id", "asin", "timestamp"))
    product_id = text(row.get("parent_asin") or row["asin"])
    votes_and_stars = (text(row["helpful_vote"]), "", text(row["rating"]))
    return review_id, product_id, *votes_and_stars, text(row.get("title")), text(row.get("text"))


AMAZON_COLUMNS = (
    *("review_id", "product_id", "helpful_votes", "total_votes", "star_rating"),
    *("review_headline", "review_body"),
)
FINE_FOOD_COLUMNS = ("Id", "ProductId", "HelpfulnessNumerator", "HelpfulnessDenominator", "Score", "Summary", "Text")

AMAZON = Layout("Amazon Customer Reviews", "TSV, Parquet", AMAZON_COLUMNS, columns(*AMAZON_COLUMNS))
FINE_FOOD = Layout("Fine Food Reviews", "CSV", FINE_FOOD_COLUMNS, columns(*FINE_FOOD_COLUMNS))
MCAULEY_2014 = Layout(
    "McAuley 2014",
    "JSON Lines",
    ("reviewerID", "asin", "helpful", "overall", "unixReviewTime"),
    mcauley_2014,
    optional=("summary", "reviewText"),
)
MCAULEY_2023 = Layout(
    "McAuley 2023",
    "JSON Lines",
    ("user_id", "asin", "helpful_vote", "rating", "timestamp"),
    mcauley_2023,
    optional=("parent_asin", "title", "text"),
    total_votes=False,
)
LAYOUTS = (AMAZON, FINE_FOOD, MCAULEY_2014, MCAULEY_2023)


def layout_of(names: Collection[str], file_name: str) -> Layout:
    """Returns the layout whose required names are all among `names`. Raises UnknownLayoutError."""
    nearest = max(LAYOUTS, key=lambda layout: len(set(layout.required) & set(names)) / len(layout.required))
    missing = [name for name in nearest.required if name not in names]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        readable = "readable are " + ", ".join(f"{layout.name} ({layout.formats})" for layout in LAYOUTS)
        raise UnknownLayoutError(
            f"{file_name} is not a file of {nearest.name}: column {missing[0]} is missing{more}; {readable}"
        )
    return nearest
