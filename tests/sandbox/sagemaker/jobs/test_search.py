"""Proposals: within their ranges, on the scale asked for, a function of seed and earlier trials, and learning."""

import math
import statistics
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies

from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.jobs import search
from abtest.sandbox.sagemaker.jobs.search import FAILED, RUNNING, Trial

pytestmark = pytest.mark.slow

bounds = strategies.tuples(strategies.floats(0.001, 0.9), strategies.floats(0.001, 0.9)).map(sorted)
integers = strategies.tuples(strategies.integers(1, 1000), strategies.integers(1, 1000)).map(sorted)
scalings = strategies.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"])
names = strategies.sampled_from(["Bayesian", "Random"])


def continuous(low: float, high: float, scaling: str = "Auto", name: str = "rate") -> dict[str, Any]:
    item = {"Name": name, "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": scaling}
    return {"ContinuousParameterRanges": [item]}


def integer(low: int, high: int, scaling: str = "Auto", name: str = "dim") -> dict[str, Any]:
    item = {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}
    return {"IntegerParameterRanges": [item]}


def first(ranges: dict[str, Any], seed: int, strategy: str = "Random") -> dict[str, str]:
    search.check(ranges)
    return search.propose(strategy, ranges, seed, [])


@given(bounds, scalings, names, strategies.integers(0, 2**31))
def test_a_continuous_value_is_within_its_range(ends: list[float], scaling: str, strategy: str, seed: int) -> None:
    ranges = continuous(ends[0], ends[1], scaling)
    assert ends[0] <= float(first(ranges, seed, strategy)["rate"]) <= ends[1]


@given(integers, strategies.sampled_from(["Auto", "Linear", "Logarithmic"]), names, strategies.integers(0, 2**31))
def test_an_integer_is_within_its_range(ends: list[int], scaling: str, strategy: str, seed: int) -> None:
    ranges = integer(ends[0], ends[1], scaling)
    assert ends[0] <= int(first(ranges, seed, strategy)["dim"]) <= ends[1]


@settings(max_examples=12)
@given(bounds, scalings, strategies.integers(0, 2**31))
@example(ends=[0.001, math.nextafter(0.001, 1)], scaling="Auto", seed=0)
def test_what_was_proposed_can_be_learnt_from(ends: list[float], scaling: str, seed: int) -> None:
    ranges = continuous(ends[0], ends[1], scaling) | integer(1, 9)
    found = searched("Bayesian", ranges, seed, 6, lambda proposal: float(proposal["rate"]))
    assert all(ends[0] <= float(trial.proposal["rate"]) <= ends[1] for trial in found)


def searched(strategy: str, ranges: dict[str, Any], seed: int, count: int, objective: Any) -> list[Trial]:
    """So many trials, one after the other; larger objectives are better, None is a failure."""
    trials: list[Trial] = []
    for _ in range(count):
        proposal = search.propose(strategy, ranges, seed, trials)
        value = objective(proposal)
        trials.append(Trial(proposal, FAILED if value is None else value))
    return trials


def peak(proposal: dict[str, str]) -> float:
    """1 at rate 0.1 and dim 40, less in every direction."""
    distance = (math.log10(float(proposal["rate"])) + 1) ** 2 + ((int(proposal["dim"]) - 40) / 24) ** 2
    return 1 - distance


PEAKED = continuous(0.001, 1) | integer(16, 64)


def test_bayesian_search_learns_and_random_search_does_not() -> None:
    def later(strategy: str) -> list[float]:
        runs = [searched(strategy, PEAKED, seed, 25, peak) for seed in range(8)]
        return [statistics.mean(float(trial.outcome) for trial in run[15:]) for run in runs]

    bayesian, random = later("Bayesian"), later("Random")
    assert statistics.mean(bayesian) > statistics.mean(random) + 0.5
    assert sum(b > r for b, r in zip(bayesian, random, strict=True)) >= 7


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
def test_a_seed_and_the_same_results_give_the_same_search(strategy: str) -> None:
    assert searched(strategy, PEAKED, 3, 9, peak) == searched(strategy, PEAKED, 3, 9, peak)
    assert searched(strategy, PEAKED, 3, 9, peak) != searched(strategy, PEAKED, 4, 9, peak)


def test_random_search_ignores_results_and_bayesian_search_uses_them() -> None:
    def last(strategy: str, sign: int) -> dict[str, str]:
        return searched(strategy, PEAKED, 3, 9, lambda proposal: sign * peak(proposal))[-1].proposal

    assert last("Random", 1) == last("Random", -1)
    assert last("Bayesian", 1) != last("Bayesian", -1)


def test_failed_and_running_trials_teach_nothing_but_where_not_to_go_again() -> None:
    failing = searched("Bayesian", PEAKED, 3, 12, lambda _: None)
    assert len({tuple(trial.proposal.items()) for trial in failing}) == 12
    running = [Trial(trial.proposal, RUNNING) for trial in failing]
    assert search.propose("Bayesian", PEAKED, 3, running) not in [trial.proposal for trial in running]


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
def test_proposals_differ_while_the_ranges_allow_it(strategy: str) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "word_ngrams", "Values": ["1", "2", "3"]}]}
    made = [trial.proposal["word_ngrams"] for trial in searched(strategy, ranges, 1, 5, lambda _: 0.5)]
    assert sorted(made[:3]) == ["1", "2", "3"]
    assert set(made[3:]) <= {"1", "2", "3"}


def test_the_scale_decides_where_the_median_is() -> None:
    def median(ranges: dict[str, Any]) -> float:
        return statistics.median(float(first(ranges, seed)["rate"]) for seed in range(250))

    assert median(continuous(0.0001, 0.9999, "Linear")) == pytest.approx(0.5, abs=0.07)
    assert median(continuous(0.0001, 0.9999, "Logarithmic")) == pytest.approx(0.01, rel=0.6)
    assert median(continuous(0.0001, 0.9999, "ReverseLogarithmic")) == pytest.approx(0.99, abs=0.01)
    assert median(continuous(0.0001, 0.9999, "Auto")) == median(continuous(0.0001, 0.9999, "Logarithmic"))
    assert median(continuous(0.1, 0.9, "Auto")) == median(continuous(0.1, 0.9, "Linear"))


def test_both_ends_of_an_integer_range_are_as_likely_as_the_others() -> None:
    drawn = [first(integer(1, 3), seed)["dim"] for seed in range(1500)]
    assert [drawn.count(value) for value in "123"] == pytest.approx([500] * 3, rel=0.15)


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
