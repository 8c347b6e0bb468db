import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import rules
from pipelines.layouts import AMAZON, MCAULEY_2023, Fields, Layout
from pipelines.review_files import Chunk
from pipelines.rules import HELPFUL, NOT_HELPFUL, FeaturesError, Rules, Usable, usable
from pipelines.staging import Review
from tests.pipelines import samples

HALVES = Rules(train_fraction=0.4, validation_fraction=0.3, test_fraction=0.3, traffic_fraction=0.2)

NUMBERS = ["0", "3", "4", "5", "8", "9", "10", "12", "", "x", "-1", "4.5", "nan", "inf", "1e400", "9" * 30, "True"]
fields = st.tuples(
    st.sampled_from(["R1", "R2", ""]),
    st.sampled_from(["P1", "P2", ""]),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.sampled_from(["1", "2", "2.0", "3", "5", "0", "6", "7", "", "five"]),
    st.sampled_from(["", "Great dryer", "<br />"]),
    st.sampled_from(["", "It died.", "Works, after a year"]),
)


def applied(rows: list[Fields], settings: Rules | None = None, layout: Layout = AMAZON) -> Usable:
    return usable(Chunk("r.tsv", layout, list(enumerate(rows, start=2))), settings or Rules())


def fate(row: Fields) -> str:
    """The published rules, spelled out for one row."""
    review, product, helpful, total, stars, headline, body = row
    sound = review and product and helpful.isdigit() and total.isdigit() and int(helpful) <= int(total) < 10**9
    if not sound or stars not in ("1", "2", "2.0", "3", "5", "6"):
        return "malformed"
    if int(total) < 5:
        return "too_few_votes"
    return "kept" if rules.normalise(f"{headline} {body}") else "no_text"


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
    assert rules.normalise(text) == tokens


@given(st.text() | st.text(alphabet="&<>br/;lt#3 'aΣİ\u0301\u00a8_", max_size=12))
def test_normalised_text_stays_as_it_is(text: str) -> None:
    once = rules.normalise(text)
    assert "__label__" not in once
    assert not set(once) & set("\n\r\t\v\f\0")
    assert rules.normalise(once) == once


@pytest.mark.slow
@given(st.lists(fields, max_size=20))
def test_rows_are_kept_by_the_published_rules(rows: list[Fields]) -> None:
    found = applied(rows)
    fates = [fate(row) for row in rows]
    for name in ("malformed", "too_few_votes", "no_text"):
        assert found.dropped[name] == fates.count(name)
    assert [row.row for row in found.malformed] == [n for n, name in enumerate(fates, start=2) if name == "malformed"]
    assert list(found.rows.review_id) == [row[0] for row, name in zip(rows, fates, strict=True) if name == "kept"]
    assert list(found.rows.columns) == list(Review._fields)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({0: ""}, "review or product has no id"),
        ({1: ""}, "review or product has no id"),
        ({2: "many"}, "votes are not whole numbers from 0"),
        ({2: "-1"}, "votes are not whole numbers from 0"),
        ({3: ""}, "votes are not whole numbers from 0"),
        ({3: "10.5"}, "votes are not whole numbers from 0"),
        ({2: "11"}, "more helpful votes than votes"),
        ({4: ""}, "star rating is not a number in the sentiment bins"),
        ({4: "7"}, "star rating is not a number in the sentiment bins"),
    ],
)
def test_a_malformed_row_says_what_is_wrong(change: dict[int, str], problem: str) -> None:
    row = tuple(change.get(n, cell) for n, cell in enumerate(samples.row(1)))
    (found,) = applied([samples.row(0), row]).malformed
    assert (found.row, found.problem, found.content) == (3, problem, repr(row))


@pytest.mark.parametrize(("helpful", "total", "label"), [(4, 5, NOT_HELPFUL), (5, 6, HELPFUL), (0, 5, NOT_HELPFUL)])
def test_helpful_is_above_four_votes_of_five(helpful: int, total: int, label: str) -> None:
    assert list(applied([samples.row(1, helpful=helpful, total=total)]).rows.label) == [label]


@pytest.mark.parametrize(
    ("stars", "sentiment"),
    [
        ("0.5", "Negative"),
        ("2", "Negative"),
        ("2.5", "Neutral"),
        ("3", "Neutral"),
        ("4", "Positive"),
        ("6", "Positive"),
    ],
)
def test_the_sentiment_is_that_of_the_bins(stars: str, sentiment: str) -> None:
    row = (*samples.row(1)[:4], stars, "a", "b")
    assert list(applied([row]).rows.sentiment) == [sentiment]


def test_without_total_votes_only_helpful_ones_and_none_tell() -> None:
    rows = [samples.row(n, helpful=votes, total="") for n, votes in enumerate((0, 1, 4, 5, 60))]
    found = applied(rows, layout=MCAULEY_2023)
    assert dict(zip(found.rows.review_id, found.rows.label, strict=True)) == {
        "R0": NOT_HELPFUL,
        "R3": HELPFUL,
        "R4": HELPFUL,
    }
    assert found.rows.total_votes.isna().all()
    assert found.dropped == {"malformed": 0, "too_few_votes": 2, "no_text": 0}


def test_the_rules_are_parameters() -> None:
    settings = Rules(minimum_votes=2, helpfulness_threshold=0.5, sentiment_bins="0,1,4.5,5")
    found = applied([samples.row(1, helpful=3, total=4), samples.row(2, total=2, helpful=1)], settings).rows
    assert list(found.label) == [HELPFUL, NOT_HELPFUL]
    assert set(found.sentiment) == {"Positive"}


@pytest.mark.parametrize(
    "settings",
    [
        {"train_fraction": 0.8},
        {"train_fraction": float("nan")},
        {"train_fraction": 1.0, "validation_fraction": 0.0, "test_fraction": 0.0},
        {"traffic_fraction": 1.0},
        {"minimum_votes": 0},
        {"helpfulness_threshold": 1.0},
        {"maximum_malformed_share": 1.5},
        {"sentiment_bins": "0,2,3"},
        {"sentiment_bins": "0,3,2,6"},
        {"sentiment_bins": "a,b,c,d"},
    ],
)
def test_impossible_rules_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(FeaturesError):
        Rules(**settings)  # type: ignore[arg-type]


def test_rules_are_made_from_text() -> None:
    assert Rules.of({"seed": "7", "train_fraction": "0.90"}) == Rules(seed=7)
    with pytest.raises(FeaturesError, match=r"minimum_votes cannot be '1\.5'"):
        Rules.of({"minimum_votes": "1.5"})


@pytest.mark.parametrize(
    ("place", "name"),
    [(0.0, "traffic"), (0.2, "train"), (0.51, "train"), (0.53, "validation"), (0.77, "test"), (1.0, "test")],
)
def test_the_traffic_is_taken_off_first(place: float, name: str) -> None:
    assert rules.slice_of(place, HALVES) == name


@given(st.text(), st.integers())
def test_a_position_is_in_the_unit_interval(identifier: str, seed: int) -> None:
    assert 0 <= rules.position(identifier, seed) < 1


def test_positions_are_even_and_the_same_everywhere() -> None:
    places = [rules.position(f"P{n}", 1) for n in range(10_000)]
    for edge in (0.1, 0.5, 0.9):
        assert sum(place < edge for place in places) / 10_000 == pytest.approx(edge, abs=0.02)
    assert rules.position("B000A3I2X4", 1) == 0.8769485693791438
