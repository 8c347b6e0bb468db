"""Applies the published rules: what a usable and a helpful review is, and which slice it belongs to."""

import hashlib
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from pipelines.layouts import FIELDS
from pipelines.review_files import Chunk, Malformed

HELPFUL, NOT_HELPFUL = "__label__Helpful", "__label__NotHelpful"
SENTIMENTS = ("Negative", "Neutral", "Positive")
MOST_VOTES = 10**9  # beyond belief, and sums of such numbers stay exact

# Words (letters and digits, apostrophes inside), and every other visible character by itself. The underscore is
# split off too, so that no review can contain a `__label__`.
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|_|[^\w\s\x00-\x1f\x7f-\x9f]")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

# The pipeline's parameters, and the rules that they set.
PARAMETERS = {
    "MinimumVotes": "minimum_votes",
    "MinimumProductHelpfulVotes": "minimum_product_helpful_votes",
    "HelpfulnessThreshold": "helpfulness_threshold",
    "SentimentBins": "sentiment_bins",
    "TrainFraction": "train_fraction",
    "ValidationFraction": "validation_fraction",
    "TestFraction": "test_fraction",
    "TrafficFraction": "traffic_fraction",
    "MaximumMalformedShare": "maximum_malformed_share",
    "Seed": "seed",
}


class FeaturesError(ValueError):
    """The reviews or the settings cannot be used; the message is one line that says why."""


@dataclass(frozen=True)
class Rules:
    """The published rules by default.

    Votes are counts. A review is helpful if helpful / total votes is above `helpfulness_threshold`. `sentiment_bins`
    are the edges, as text, of three ranges of the star rating, each open below. Fractions and shares are 0..1. Traffic
    is taken off first; train, validation and test are fractions of the rest, sum to 1 and are above 0.
    """

    minimum_votes: int = 5
    minimum_product_helpful_votes: int = 5
    helpfulness_threshold: float = 0.8
    sentiment_bins: str = "0,2,3,6"
    train_fraction: float = 0.9
    validation_fraction: float = 0.05
    test_fraction: float = 0.05
    traffic_fraction: float = 0.0
    maximum_malformed_share: float = 0.05
    seed: int = 1

    def __post_init__(self) -> None:
        parts = (self.train_fraction, self.validation_fraction, self.test_fraction)
        if not min(parts) > 0 or not abs(sum(parts) - 1) <= 1e-6:
            raise FeaturesError(f"train, validation and test fractions must be above 0 and sum to 1, not {parts}")
        if not 0 <= self.traffic_fraction < 1:
            raise FeaturesError(f"the traffic fraction must be at least 0 and below 1, not {self.traffic_fraction}")
        if self.minimum_votes < 1:
            raise FeaturesError(f"minimum votes must be at least 1, not {self.minimum_votes}")
        if not 0 <= self.helpfulness_threshold < 1:
            raise FeaturesError(f"the helpfulness threshold must be in [0, 1), not {self.helpfulness_threshold}")
        if not 0 <= self.maximum_malformed_share <= 1:
            raise FeaturesError(f"the share of malformed rows must be in [0, 1], not {self.maximum_malformed_share}")
        self.edges()

    def edges(self) -> list[float]:
        """Reads four increasing numbers."""
        try:
            edges = [float(edge) for edge in self.sentiment_bins.split(",")]
        except ValueError:
            edges = []
        if len(edges) != 4 or not edges[0] < edges[1] < edges[2] < edges[3]:
            raise FeaturesError(f"sentiment bins must be 4 increasing numbers with commas, not {self.sentiment_bins!r}")
        return edges

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Rules":
        """Reads rules from texts by name, the others by default. Raises FeaturesError."""
        values = {}
        for name, default in asdict(cls()).items():
            try:
                values[name] = type(default)(texts.get(name, default))
            except ValueError:
                raise FeaturesError(f"{name} cannot be {texts[name]!r}") from None
        return cls(**values)


def normalise(text: str) -> str:
    """Returns text as the models know it: lower-case tokens with single spaces between them.

    Whoever calls an endpoint passes its text through this first. Stable: normalise(normalise(x)) == normalise(x).
    """
    plain = BREAK.sub(" ", html.unescape(text)).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).lower())
    return " ".join(TOKEN.findall(folded))


def position(identifier: str, seed: int) -> float:
    """Returns where a product or review stands in [0, 1): a hash of seed and id, the same on every machine."""
    digest = hashlib.blake2b(f"{seed}/{identifier}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53  # as many bits as a float holds: never rounded up to 1


def slice_of(place: float, rules: Rules) -> str:
    """Returns traffic, train, validation or test for a position in [0, 1]."""
    if place < rules.traffic_fraction:
        return "traffic"
    rest = (place - rules.traffic_fraction) / (1 - rules.traffic_fraction)
    if rest < rules.train_fraction:
        return "train"
    return "validation" if rest < rules.train_fraction + rules.validation_fraction else "test"


@dataclass(frozen=True)
class Usable:
    """The rows of a chunk that the rules keep, the number of the others by reason, and the malformed ones."""

    rows: pd.DataFrame
    dropped: Counter[str]
    malformed: list[Malformed]


def usable(chunk: Chunk, rules: Rules) -> Usable:
    """Applies the rules that look at one row; the kept ones have the columns of `staging.Review`.

    Where a layout has no total votes, helpful_score is not known. What can be used: a review with `minimum_votes`
    helpful votes had at least as many in total and is Helpful, one without any is NotHelpful, one between is dropped.
    """
    frame = pd.DataFrame([row for _, row in chunk.rows], columns=list(FIELDS), dtype=object)
    numbers = frame[["helpful_votes", "total_votes", "star_rating"]].apply(pd.to_numeric, errors="coerce")
    if not chunk.layout.total_votes:
        numbers["total_votes"] = float("nan")
    frame = frame.assign(**numbers)
    frame["sentiment"] = pd.cut(frame.star_rating, rules.edges(), labels=list(SENTIMENTS)).astype(object)
    problem = problems(frame, chunk.layout.total_votes)
    malformed = chunk.malformed + [
        Malformed(chunk.file, number, text, repr(row))
        for (number, row), text in zip(chunk.rows, problem, strict=True)
        if text
    ]
    sound = frame[problem == ""]
    voted = sound[enough_votes(sound, chunk.layout.total_votes, rules)]
    rows = finished(voted, rules)
    dropped = {"too_few_votes": len(sound) - len(voted), "no_text": len(voted) - len(rows)}
    return Usable(rows, Counter(malformed=len(malformed), **dropped), malformed)


def problems(frame: pd.DataFrame, total_votes: bool) -> pd.Series:
    """Returns what is wrong with each row; empty text where nothing is."""
    helpful, total = frame.helpful_votes, frame.total_votes if total_votes else frame.helpful_votes
    counts = (helpful % 1 == 0) & (total % 1 == 0) & (helpful >= 0) & (total >= 0) & (total <= MOST_VOTES)
    found = pd.Series("", index=frame.index, dtype=object)
    for text, fits in (
        ("review or product has no id", (frame.review_id != "") & (frame.product_id != "")),
        ("votes are not whole numbers from 0", counts),
        ("more helpful votes than votes", helpful <= total),
        ("star rating is not a number in the sentiment bins", frame.sentiment.notna()),
    ):
        found = found.mask((found == "") & ~fits, text)
    return found


def enough_votes(sound: pd.DataFrame, total_votes: bool, rules: Rules) -> pd.Series:
    if total_votes:
        return sound.total_votes >= rules.minimum_votes
    return (sound.helpful_votes >= rules.minimum_votes) | (sound.helpful_votes == 0)


def finished(voted: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Returns the rows that have text, in the columns of `staging.Review`."""
    text = (voted.headline + " " + voted.body).map(normalise)
    score = (voted.helpful_votes / voted.total_votes).fillna((voted.helpful_votes > 0).astype(float))
    rows = pd.DataFrame(
        {
            "review_id": voted.review_id,
            "product_id": voted.product_id,
            "helpful_votes": voted.helpful_votes.astype(int),
            "total_votes": voted.total_votes,
            "star_rating": voted.star_rating,
            "sentiment": voted.sentiment,
            "label": (score > rules.helpfulness_threshold).map({True: HELPFUL, False: NOT_HELPFUL}),
            "text": text,
            "tokens": text.map(lambda tokens: tokens.count(" ") + 1),
            "slice": voted.product_id.map(lambda product: slice_of(position(product, rules.seed), rules)),
            "place": voted.review_id.map(lambda review: position(review, rules.seed)),
        }
    )
    kept: pd.DataFrame = rows[text != ""]
    return kept
