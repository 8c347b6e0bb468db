import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.staging import Review, Staging

reviews = st.builds(
    Review,
    review_id=st.sampled_from("abc"),
    product_id=st.sampled_from("PQ"),
    helpful_votes=st.integers(0, 2),
    total_votes=st.none() | st.integers(2, 3),
    star_rating=st.sampled_from([1.0, 5.0]),
    sentiment=st.just("Positive"),
    label=st.just("__label__Helpful"),
    text=st.sampled_from(["one", "two words", "nul \0 inside", "\U0001f600"]),
    tokens=st.just(1),
    slice=st.just("train"),
    place=st.just(0.5),
)


def review(number: int, **changes: object) -> Review:
    made = Review(f"R{number}", "P", 5, 6, 5.0, "Positive", "__label__Helpful", "text", 1, "train", number / 100)
    return made._replace(**changes)  # type: ignore[arg-type]


def staged(path: Path, *chunks: list[Review]) -> Staging:
    staging = Staging(path)
    for chunk in chunks:
        staging.add(pd.DataFrame(chunk, columns=list(Review._fields)))
    return staging


@settings(max_examples=50)
@given(st.lists(reviews), st.randoms(use_true_random=False), st.integers(0, 20))
def test_each_id_is_kept_once_and_the_same_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Review], order: random.Random, cut: int
) -> None:
    folder, shuffled = tmp_path_factory.mktemp("s"), order.sample(rows, len(rows))
    with staged(folder / "a", rows) as first, staged(folder / "b", shuffled[:cut], shuffled[cut:]) as second:
        kept = list(first.reviews("train"))
        assert kept == list(second.reviews("train"))
    assert [one.review_id for one in kept] == sorted({one.review_id for one in rows})
    assert set(kept) <= set(rows)
    for one in kept:
        votes = [row.total_votes or row.helpful_votes for row in rows if row.review_id == one.review_id]
        assert (one.total_votes or one.helpful_votes) == max(votes)


def test_a_slice_comes_in_order_of_places(tmp_path: Path) -> None:
    with staged(tmp_path / "s", [review(3), review(1, slice="test"), review(2)]) as staging:
        assert [one.review_id for one in staging.reviews("train")] == ["R2", "R3"]
        assert len(staging) == 3
        assert staging.products() == {"test": 1, "train": 1}


def test_products_need_their_votes_in_sum(tmp_path: Path) -> None:
    rows = [review(1, helpful_votes=2), review(2, helpful_votes=3), review(3, product_id="Q", helpful_votes=4)]
    with staged(tmp_path / "s", rows) as staging:
        assert (staging.drop_products(0), staging.drop_products(5), len(staging)) == (0, 1, 2)


def test_counts_are_told_by_slice(tmp_path: Path) -> None:
    rows = [review(1, tokens=7), review(2, total_votes=None), review(3, label="__label__NotHelpful", tokens=7)]
    with staged(tmp_path / "s", rows) as staging:
        assert staging.lengths("train") == [(1, 1), (7, 2)]
        assert staging.lengths("test") == []
        assert staging.without_total_votes() == 1
        assert sorted(staging.balance()) == [
            ("train", "Positive", "__label__Helpful", 2),
            ("train", "Positive", "__label__NotHelpful", 1),
        ]
