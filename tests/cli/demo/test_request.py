from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.cli.demo.request import Request, prepare_reviews
from abtest.cli.shown.output import UserError


def request_of(folder: Path = Path("unused"), reviews: str | None = None, users: int = 600, rounds: int = 8) -> Request:
    return Request(reviews, 1, users, rounds, 0, folder)


@given(st.integers(1, 2000), st.integers(1, 50))
def test_every_user_comes_in_exactly_one_round(users: int, rounds: int) -> None:
    chosen = request_of(users=users, rounds=min(rounds, users))
    parts = [list(chosen.users_of_round(number)) for number in range(1, chosen.rounds + 1)]
    assert [user for part in parts for user in part] == list(range(users))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_generated_sample_says_that_it_is_one(tmp_path: Path) -> None:
    reviews = prepare_reviews(request_of(tmp_path))
    assert reviews.generated
    assert "not real reviews" in reviews.found.source
    assert reviews.found.rows_kept > 500


def test_a_wrong_file_is_refused_before_anything_is_deployed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"REVIEWS: there is no file /nowhere.tsv"):
        prepare_reviews(request_of(tmp_path, "/nowhere.tsv"))
    not_reviews = tmp_path / "cats.tsv"
    not_reviews.write_text("name\tlives\nTom\t9\n")
    with pytest.raises(UserError, match=r"REVIEWS: .*cats.tsv"):
        prepare_reviews(request_of(tmp_path, str(not_reviews)))


def test_reviews_without_a_usable_row_are_refused(tmp_path: Path) -> None:
    header = "star_rating\thelpful_votes\ttotal_votes\treview_id\tproduct_id\treview_headline\treview_body"
    unvoted = tmp_path / "unvoted.tsv"
    unvoted.write_text(f"{header}\n5\t0\t0\tR1\tP1\tGood\tVery good\n")
    with pytest.raises(UserError, match="REVIEWS: no usable review among 1 rows"):
        prepare_reviews(request_of(tmp_path, str(unvoted)))
