"""The probability of being best against an independent reference: scipy's Beta, densely integrated."""

import itertools
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from abtest.experiment import probability_best
from abtest.experiment.allocation.posterior import credible_interval, value_remaining
from abtest.experiment.record.variants import Trials

QUANTILES = (1e-14, 1e-9, 1e-5, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-5, 1 - 1e-9, 1 - 1e-13)


def reference(counts: Sequence[Trials]) -> list[float]:
    """60 nodes between each two quantiles of all arms together."""
    arms = [(1 + s, 1 + n - s) for n, s in counts]
    inner = {float(stats.beta.ppf(q, a, b)) for a, b in arms for q in QUANTILES}
    edges = [0.0, *sorted(inner), 1.0]
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x = np.concatenate([(high - low) / 2 * nodes + (high + low) / 2 for low, high in itertools.pairwise(edges)])
    w = np.concatenate([(high - low) / 2 * weights for low, high in itertools.pairwise(edges)])
    below = np.array([stats.beta.cdf(x, a, b) for a, b in arms])
    density = np.array([stats.beta.pdf(x, a, b) for a, b in arms])
    return [float(np.sum(w * density[i] * np.prod(np.delete(below, i, 0), axis=0))) for i in range(len(arms))]


def random_counts(seed: int) -> list[Trials]:
    """1 to 20 arms of up to ten million trials: close together or far apart, some empty, some with fractions."""
    random_ = random.Random(seed)
    rate = random_.random()
    counts = []
    for _ in range(random_.choice([1, 2, 3, 5, 10, 20])):
        trials = int(10 ** random_.uniform(0, 7)) if random_.random() < 0.9 else 0
        mean = min(1.0, max(0.0, rate + random_.gauss(0, 1) * random_.choice([0, 1e-4, 0.01, 0.1])))
        reward = mean * trials if random_.random() < 0.5 else float(round(mean * trials))
        counts.append((float(trials), min(float(trials), reward)))
    return counts


@pytest.mark.slow
def test_probability_best_equals_the_reference() -> None:
    for counts in map(random_counts, range(60)):
        assert probability_best(counts) == pytest.approx(reference(counts), abs=1e-9), counts


@pytest.mark.parametrize(
    ("counts", "best"),
    [
        ([(0, 0)], [1]),
        ([(7, 3)], [1]),
        ([(0, 0)] * 4, [0.25] * 4),
        ([(10**7, 3 * 10**6)] * 20, [0.05] * 20),
        ([(10**7, 10**7)] * 20, [0.05] * 20),
        ([(10**7, 0)] * 20, [0.05] * 20),
        ([(1, 1), (0, 0)], [2 / 3, 1 / 3]),  # the integral of 2x x
        ([(5, 5), (0, 0)], [6 / 7, 1 / 7]),
        ([(3, 3), (2, 2)], [4 / 7, 3 / 7]),  # a/(a + a') for two arms that never failed
        ([(10**7, 0), (10**7, 10**7)], [0, 1]),
        ([(1, 0.5), (1, 0.5), (0, 0)], None),
    ],
)
def test_known_cases(counts: list[Trials], best: list[float] | None) -> None:
    assert probability_best(counts) == pytest.approx(best or reference(counts), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 1)), min_size=1, max_size=20))
@settings(max_examples=50)
def test_the_probabilities_sum_to_one_in_any_order(pairs: list[tuple[int, float]]) -> None:
    counts = [(float(trials), trials * mean) for trials, mean in pairs]
    best = probability_best(counts)
    assert math.fsum(best) == pytest.approx(1, abs=1e-12)
    assert all(0 <= probability <= 1 for probability in best)
    assert probability_best(counts[::-1]) == pytest.approx(best[::-1], abs=1e-10)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1)), min_size=2, max_size=6),
    st.floats(0, 1),
)
@settings(max_examples=50)
def test_more_successes_never_lower_an_arms_probability(pairs: list[tuple[int, float]], part: float) -> None:
    """Of the same trials; to the 1e-8 that the integration is good for."""
    (trials, reward), *others = [(float(trials), trials * mean) for trials, mean in pairs]
    more = min(reward + part * (trials - reward), trials)
    assert probability_best([(trials, more), *others])[0] >= probability_best([(trials, reward), *others])[0] - 1e-8


def test_it_needs_no_numpy() -> None:
    """The API and scripts that ask for it must not wait for numpy to load."""
    code = (
        "import sys; sys.modules['numpy'] = None; from abtest.experiment import probability_best; "
        "print(probability_best([(1, 1), (0, 0)]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == pytest.approx([2 / 3, 1 / 3])


def test_it_agrees_with_simulation() -> None:
    counts = [(40, 12.5), (60, 24), (20, 9)]
    random_ = random.Random(1)
    draws = 20_000
    wins = [0] * len(counts)
    for _ in range(draws):
        values = [random_.betavariate(1 + s, 1 + n - s) for n, s in counts]
        wins[values.index(max(values))] += 1
    for win, probability in zip(wins, probability_best(counts), strict=True):
        assert abs(win / draws - probability) < 5 * math.sqrt(probability * (1 - probability) / draws)


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ([], "counts"),
        ([(-1, 0)], r"counts\[0\]"),
        ([(1, 0), (1, 1.1)], r"counts\[1\]"),
        ([(1, -0.1)], r"counts\[0\]"),
        ([(float("nan"), 0)], r"counts\[0\]"),
        ([(1, float("nan"))], r"counts\[0\]"),
        ([(float("inf"), 0)], r"counts\[0\]"),
        ([(1,)], r"counts\[0\]"),
        ([("a", 0)], r"counts\[0\]"),
        ([3], r"counts\[0\]"),
    ],
)
def test_impossible_counts_are_named(counts: list[Trials], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        probability_best(counts)


def test_twenty_arms_take_milliseconds() -> None:
    """Ten are aimed at; the machine that tests may be busy."""
    counts = [(1000.0 * (1 + index), 300.0 * (1 + index) + index) for index in range(20)]
    probability_best(counts)
    taken = []
    for _ in range(5):
        start = time.process_time()
        probability_best(counts)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.05


@pytest.mark.parametrize(("trials", "reward"), [(0, 0), (1, 1), (100, 50), (1000, 0), (1e7, 3), (50, 49.5), (1e7, 4e6)])
def test_credible_intervals(trials: float, reward: float) -> None:
    for level in (0.5, 0.95, 0.999):
        tails = [(1 - level) / 2, (1 + level) / 2]
        expected = special.betaincinv(1 + reward, 1 + trials - reward, tails)
        assert credible_interval(trials, reward, level) == pytest.approx(tuple(expected), rel=1e-8)


def test_a_level_out_of_range_is_named() -> None:
    for level in (0, 1, float("nan")):
        with pytest.raises(ValueError, match=r"^level: "):
            credible_interval(1, 1, level)


@pytest.mark.parametrize(
    "counts", [[(0, 0), (0, 0)], [(100, 50), (100, 45)], [(50, 20), (60, 27), (10, 4.5)], [(9, 0), (8, 0)]]
)
def test_value_remaining_equals_simulation(counts: list[Trials]) -> None:
    leader = probability_best(counts).index(max(probability_best(counts)))
    generator = np.random.default_rng(1)
    draws = np.array([generator.beta(1 + s, 1 + n - s, 400_000) for n, s in counts])
    gain = value_remaining(counts)
    within = float(np.mean(draws.max(axis=0) <= draws[leader] * (1 + gain)))
    assert within == pytest.approx(0.95, abs=0.002)


def test_value_remaining_of_two_unknown_arms_is_ninefold() -> None:
    """The ratio of two uniform numbers is above r with probability 1/(2r)."""
    assert value_remaining([(0, 0), (0, 0)]) == pytest.approx(9, rel=1e-6)


def test_nothing_remains_when_the_leader_is_clear_or_alone() -> None:
    assert value_remaining([(100, 90), (100, 10)]) == 0
    assert value_remaining([(3, 1)]) == 0
