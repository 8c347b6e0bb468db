"""Writes a sample of reviews to start from, and checks your own before anything is deployed."""

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.features import check_slices, read_reviews
from pipelines.review_files import data_files
from pipelines.rules import PARAMETERS, FeaturesError, Rules
from pipelines.staging import Staging

SAMPLE_ROWS = 4000
SAMPLE_CATEGORY = "Generated sample"

HEADER = (
    *("marketplace", "customer_id", "review_id", "product_id", "product_parent", "product_title", "product_category"),
    *("star_rating", "helpful_votes", "total_votes", "vine", "verified_purchase"),
    *("review_headline", "review_body", "review_date"),
)

# A helpful review says these more often. Of pairs only the order of the words tells, which word n-grams can learn
# and single words cannot: so tuning has something to find.
HELPFUL_PAIRS = ("well worth", "not loud", "would buy", "no smell", "still quiet", "never hot")
UNHELPFUL_PAIRS = ("not worth", "well loud", "no buy", "would smell", "still hot", "never quiet")
HELPFUL_PHRASES = (
    *("after six months", "compared with my old one", "the cord is two metres", "pros and cons", "the manual says"),
    *("measured it", "noise level", "on the low setting", "replaced the filter", "it weighs"),
)
UNHELPFUL_PHRASES = (
    *("love it", "great product", "five stars", "do not buy", "waste of money", "as described", "fast delivery"),
    *("a gift for my sister", "just arrived", "broke", "terrible", "have not tried it yet"),
)
HELPFUL_SIGNS, UNHELPFUL_SIGNS = (HELPFUL_PAIRS, HELPFUL_PHRASES), (UNHELPFUL_PAIRS, UNHELPFUL_PHRASES)
COMMON = (
    "the a it is was i my this and for with very but so in on of to have had we they you hair dryer microwave door "
    "button power heat plate kitchen bathroom morning week price colour box light works stopped good small big nice "
    "quick hot cold easy hard new used bought returned"
)
COMMON_WORDS = COMMON.split()


class ReviewsError(ValueError):
    """The reviews cannot be used; the message is one line that says why."""


@dataclass(frozen=True)
class CheckedReviews:
    """What a check found: where the reviews are from, rows read, rows that the rules keep, and what to know of them."""

    source: str
    rows_read: int
    rows_kept: int
    notes: Sequence[str] = ()


def write_sample(path: Path, *, rows: int = SAMPLE_ROWS, seed: int = 1) -> Path:
    """Writes a synthetic file in the layout of Amazon Customer Reviews; its product category says what it is.

    About half of the rows have enough votes. Their texts tell helpful from unhelpful reviews, but not always:
    a classifier of single words is right in three cases of five, one of word pairs in three of four.
    """
    generator = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ("\t".join(sample_row(number, generator)) for number in range(rows))
    path.write_text("".join(f"{line}\n" for line in ("\t".join(HEADER), *lines)), encoding="utf-8")
    return path


def sample_row(number: int, generator: random.Random) -> list[str]:
    """Returns the fields of one review, in the order of the header."""
    reads_helpful = generator.random() < 0.55
    voted_helpful = reads_helpful if generator.random() < 0.9 else not reads_helpful
    total = generator.randint(5, 40) if generator.random() < 0.5 else generator.randint(0, 4)
    share = generator.uniform(0.85, 1.0) if voted_helpful else generator.uniform(0.0, 0.75)
    helpful = min(total, round(total * share))
    product = generator.randint(1, 200)
    headline, body = sample_text(reads_helpful, generator, 4), sample_text(reads_helpful, generator, 30)
    return [
        *("US", str(10_000_000 + number), f"SAMPLE{number:08d}", f"SAMPLEP{product:03d}", str(product)),
        *(f"Sample product {product}", SAMPLE_CATEGORY, str(generator.randint(1, 5)), str(helpful), str(total)),
        *("N", "Y", headline, body, f"2015-{generator.randint(1, 12):02d}-{generator.randint(1, 28):02d}"),
    ]


def sample_text(reads_helpful: bool, generator: random.Random, longest: int) -> str:
    """Writes up to `longest` common words and now and then a sign, two in three of the review's own kind."""
    own, other = (HELPFUL_SIGNS, UNHELPFUL_SIGNS) if reads_helpful else (UNHELPFUL_SIGNS, HELPFUL_SIGNS)
    words = []
    for _ in range(generator.randint(max(1, longest // 3), longest)):
        if generator.random() < 0.35:
            pairs, phrases = own if generator.random() < 0.68 else other
            words.append(generator.choice(pairs if generator.random() < 0.7 else phrases))
        else:
            words.append(generator.choice(COMMON_WORDS))
    return " ".join(words)


def local_paths(source: str) -> list[Path]:
    """Returns the files named by comma separated paths; a folder stands for all files in it. Raises ReviewsError."""
    paths: list[Path] = []
    for name in filter(None, (part.strip() for part in source.split(","))):
        path = Path(name).expanduser()
        if not path.exists():
            raise ReviewsError(f"there is no file {name}")
        paths += data_files(path) if path.is_dir() else [path]
    if not paths:
        raise ReviewsError(f"no file of reviews in {source!r}")
    return paths


def rules_of(parameters: Mapping[str, str]) -> Rules:
    """Returns the rules that PrepareFeatures would follow with these pipeline parameters. Raises FeaturesError."""
    return Rules.of({rule: parameters[name] for name, rule in PARAMETERS.items() if name in parameters})


def check_reviews(paths: Sequence[Path], *, source: str, parameters: Mapping[str, str]) -> CheckedReviews:
    """Reads and splits the reviews as PrepareFeatures would, without writing.

    `source` is what the result calls them. Raises ReviewsError for a wrong file, a missing column, too many malformed
    rows, no usable row, or a slice that would be empty.
    """
    try:
        rules = rules_of(parameters)
        with (
            tempfile.TemporaryDirectory() as scratch,
            Staging(Path(scratch) / "reviews.sqlite") as staging,
            (Path(scratch) / "malformed.jsonl").open("w", encoding="utf-8") as quarantine,
        ):
            reading = read_reviews(paths, rules, staging, quarantine)
            check_slices(staging, rules)
            kept = len(staging)
    except (FeaturesError, OSError) as error:
        raise ReviewsError(str(error)) from None
    return CheckedReviews(source, reading.rows_read, kept, reading.notes)
