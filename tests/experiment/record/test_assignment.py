"""The draw: deterministic, by the shares, moving as few users as possible."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.experiment.record.assignment import draw

USERS = [f"user_{index}" for index in range(20_000)]


def drawn(shares: dict[str, float], experiment_id: str = "e") -> list[str]:
    return [draw(experiment_id, user, shares) for user in USERS]


@pytest.mark.parametrize(
    "shares",
    [{"a": 0.5, "b": 0.5}, {"a": 0.02, "b": 0.98}, {"a": 0.6, "b": 0.3, "c": 0.1}, {f"v{i}": 0.1 for i in range(10)}],
)
def test_users_follow_the_shares(shares: dict[str, float]) -> None:
    found = drawn(shares)
    observed = [found.count(name) for name in shares]
    expected = [share * len(USERS) for share in shares.values()]
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_experiments_draw_independently() -> None:
    shares = {"a": 0.5, "b": 0.5}
    pairs = list(zip(drawn(shares, "e"), drawn(shares, "f"), strict=True))
    observed = [pairs.count((x, y)) for x in "ab" for y in "ab"]
    assert stats.chisquare(observed).pvalue > 0.001


def test_the_draw_is_fixed_for_ever() -> None:
    """Users of running experiments are told by these: a change of the hash would move them."""
    found = "".join(drawn({"a": 0.5, "b": 0.3, "c": 0.2}))
    assert hashlib.sha256(found.encode()).hexdigest()[:16] == "7726755dca92162e"


def test_a_change_of_shares_moves_users_only_to_what_grew() -> None:
    before, after = {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.4, "b": 0.4, "c": 0.2}
    moves = {(x, y) for x, y in zip(drawn(before), drawn(after), strict=True) if x != y}
    assert moves == {("a", "b"), ("c", "b"), ("a", "c")}
    moved = sum(x != y for x, y in zip(drawn(before), drawn(after), strict=True)) / len(USERS)
    assert moved < 0.16  # 0.1 must move; what moves to "b" from "c" is made up for from "a"


def test_a_new_variant_takes_users_from_all_and_moves_no_others() -> None:
    before, after = {"a": 0.5, "b": 0.5}, {"a": 0.45, "b": 0.45, "c": 0.1}
    for x, y in zip(drawn(before), drawn(after), strict=True):
        assert y in (x, "c")


@given(st.text(), st.text(), st.lists(st.floats(0, 1), min_size=1, max_size=5).filter(any))
def test_any_user_gets_a_variant_with_a_share(experiment_id: str, user: str, values: list[float]) -> None:
    shares = {str(index): value for index, value in enumerate(values)}
    name = draw(experiment_id, user, shares)
    assert shares[name] > 0
    assert name == draw(experiment_id, user, dict(reversed(shares.items())))


def test_no_share_is_refused() -> None:
    for shares in ({}, {"a": 0.0}):
        with pytest.raises(ValueError, match=r"^shares: "):
            draw("e", "u", shares)
