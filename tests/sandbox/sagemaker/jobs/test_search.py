"""Proposals: within their ranges, a function of seed and index, on the scale that was asked for."""

import random
import statistics
from typing import Any

import pytest
from hypothesis import given, strategies

from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.jobs import search

bounds = strategies.tuples(strategies.floats(0.001, 0.9), strategies.floats(0.001, 0.9)).map(sorted)
integers = strategies.tuples(strategies.integers(1, 1000), strategies.integers(1, 1000)).map(sorted)
scalings = strategies.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"])


def continuous(low: float, high: float, scaling: str = "Auto", name: str = "rate") -> dict[str, Any]:
    item = {"Name": name, "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": scaling}
    return {"ContinuousParameterRanges": [item]}


def integer(low: int, high: int, scaling: str = "Auto", name: str = "dim") -> dict[str, Any]:
    item = {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}
    return {"IntegerParameterRanges": [item]}


@given(bounds, scalings, strategies.integers(0, 2**31))
def test_a_continuous_value_is_within_its_range(ends: list[float], scaling: str, seed: int) -> None:
    ranges = continuous(ends[0], ends[1], scaling)
    search.check(ranges)
    assert ends[0] <= float(search.propose(ranges, random.Random(seed))["rate"]) <= ends[1]


@given(integers, strategies.sampled_from(["Auto", "Linear", "Logarithmic"]), strategies.integers(0, 2**31))
def test_an_integer_is_within_its_range(ends: list[int], scaling: str, seed: int) -> None:
    ranges = integer(ends[0], ends[1], scaling)
    search.check(ranges)
    assert ends[0] <= int(search.propose(ranges, random.Random(seed))["dim"]) <= ends[1]


@given(strategies.integers(0, 2**31), strategies.integers(1, 12), strategies.integers(1, 12))
def test_a_proposal_depends_on_seed_and_index_alone(seed: int, fewer: int, more: int) -> None:
    ranges = continuous(0.1, 0.5) | integer(16, 64)
    shortest = min(fewer, more)
    assert search.proposals(ranges, seed, fewer)[:shortest] == search.proposals(ranges, seed, more)[:shortest]


def test_proposals_of_a_known_seed() -> None:
    made = search.proposals(continuous(0.05, 0.5) | integer(16, 64), seed=7, count=2)
    assert made == [
        {"dim": "64", "rate": "0.3739120835453246"},
        {"dim": "28", "rate": "0.4251541271648422"},
    ]


def test_proposals_differ_while_the_ranges_allow_it() -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "word_ngrams", "Values": ["1", "2", "3"]}]}
    made = [proposal["word_ngrams"] for proposal in search.proposals(ranges, seed=1, count=5)]
    assert sorted(made[:3]) == ["1", "2", "3"]
    assert set(made[3:]) <= {"1", "2", "3"}


def test_the_scale_decides_where_the_median_is() -> None:
    def median(ranges: dict[str, Any]) -> float:
        return statistics.median(float(search.propose(ranges, random.Random(n))["rate"]) for n in range(2000))

    assert median(continuous(0.0001, 0.9999, "Linear")) == pytest.approx(0.5, abs=0.05)
    assert median(continuous(0.0001, 0.9999, "Logarithmic")) == pytest.approx(0.01, rel=0.4)
    assert median(continuous(0.0001, 0.9999, "ReverseLogarithmic")) == pytest.approx(0.99, abs=0.01)
    assert median(continuous(0.0001, 0.9999, "Auto")) == median(continuous(0.0001, 0.9999, "Logarithmic"))
    assert median(continuous(0.1, 0.9, "Auto")) == median(continuous(0.1, 0.9, "Linear"))


def test_both_ends_of_an_integer_range_are_as_likely_as_the_others() -> None:
    drawn = [search.propose(integer(1, 3), random.Random(n))["dim"] for n in range(3000)]
    assert [drawn.count(value) for value in "123"] == pytest.approx([1000] * 3, rel=0.1)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "at least one"),
        ({"AutoParameters": [{"Name": "epochs", "ValueHint": "5"}]}, "AutoParameters"),
        (continuous(1, 0.5), "range of rate is empty"),
        (continuous(0, float("inf")), "range of rate is empty"),
        (continuous(float("nan"), 1), "range of rate is empty"),
        (continuous(0, 1, "Logarithmic"), "above 0"),
        (continuous(0, 1, "ReverseLogarithmic"), "within 0 <= x < 1"),
        (integer(0, 5, "ReverseLogarithmic"), "within 0 <= x < 1"),
        ({"IntegerParameterRanges": [{"Name": "dim", "MinValue": "a", "MaxValue": "2"}]}, "must be of type int"),
        (continuous(0, 1) | integer(0, 1, name="rate"), "one range only"),
    ],
)
def test_ranges_that_cannot_be_searched_are_refused(ranges: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        search.check(ranges)
