"""Variants, counts and shares are refused where they cannot be."""

import json

import pytest

from abtest.experiment.record.variants import Shares, Variant, VariantCounts
from tests.experiment.samples import START


def test_a_variant_survives_the_round_trip() -> None:
    variant = Variant("Champion1", "arn", 0.9, START)
    assert Variant.from_json(json.loads(json.dumps(variant.to_json()))) == variant


@pytest.mark.parametrize(
    ("name", "weight", "named"), [("", 1, "variant_name"), ("A", 0, "initial_"), ("A", -1, "initial_")]
)
def test_impossible_variants(name: str, weight: float, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        Variant(name, "arn", weight, START)


def test_counts_survive_the_round_trip_and_default_to_zero() -> None:
    counts = VariantCounts(3, 2, 1.5, 1, 1, 0.5, 2, 1.25)
    assert VariantCounts.from_json(json.loads(json.dumps(counts.to_json()))) == counts
    assert VariantCounts.from_json({"another": 1}) == VariantCounts()


def test_impossible_counts() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        VariantCounts(-1)
    with pytest.raises(ValueError, match="must not exceed"):
        VariantCounts(1, reward_sum=1.5)


def test_shares_are_a_mapping_of_sum_one() -> None:
    shares = Shares({"a": 0.25, "b": 0.75})
    assert dict(shares) == {"a": 0.25, "b": 0.75}
    assert shares == Shares.of_weights({"a": 1, "b": 3})
    assert repr(shares) == "Shares({'a': 0.25, 'b': 0.75})"


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_impossible_shares(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^shares: "):
        Shares(shares)


def test_impossible_weights() -> None:
    for weights in ({}, {"a": 0.0}, {"a": float("inf")}):
        with pytest.raises(ValueError, match=r"^weights: "):
            Shares.of_weights(weights)
