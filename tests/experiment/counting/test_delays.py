"""Open cohorts weighted by F read the true rate, from the first look on; what is easier to do does not."""

import bisect
import datetime
import functools
import math
import random
import statistics
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.counting import delays as module
from abtest.experiment.counting.delays import LEAST_CONVERSIONS, Delays, valid, weights
from abtest.experiment.counting.trials import Trial
from abtest.experiment.record.events import Invocation
from tests.experiment.samples import at, conversion, invocation

WINDOW = 1000
RATE = 0.05


def trial(seconds: float, delay: float | None, reward: float = 1.0) -> Trial:
    one = invoked(seconds)
    earned = None if delay is None else conversion(one, seconds + delay, reward)
    return Trial(one, earned, datetime.timedelta(seconds=WINDOW))


@functools.cache
def invoked(seconds: float) -> Invocation:
    """Whose it is makes no difference here."""
    return invocation("i", seconds)


def delays_of(trials: Iterable[Trial]) -> Delays | None:
    """From closed trials."""
    seen = [(one.delay_seconds, one.reward(one.closed_at)) for one in trials if one.converted]
    return module.delays_of(*np.array(seen, float).reshape(-1, 2).T)


def weight(one: Trial, delays: Delays | None, as_of: datetime.datetime) -> float:
    age = (as_of - one.invocation.timestamp).total_seconds()
    return float(weights(np.array([age]), np.array([one.closed_at <= as_of]), delays)[0])


def weighted_cells(
    trials: Iterable[Trial], ends: Sequence[datetime.datetime], delays: Delays | None
) -> tuple[tuple[float, float], ...]:
    known = [one for one in trials if delays or one.closed_at <= ends[-1]]
    interval = np.array([bisect.bisect_left(ends, one.invocation.timestamp) for one in known], int)
    trial_weights = np.array([weight(one, delays, ends[-1]) for one in known], float)
    return module.weighted_cells(
        trial_weights, np.array([one.reward(ends[-1]) for one in known], float), interval, len(ends)
    )


def closed(delays: Sequence[float], reward: float = 1.0) -> list[Trial]:
    return [trial(0, delay, reward) for delay in delays]


def test_the_share_is_of_the_reward_that_had_come() -> None:
    delays = delays_of([*closed([10.0] * 30, 1.0), *closed([20.0] * 30, 0.5), *closed([1001.0] * 50)])
    assert delays is not None
    assert delays.shares(np.array([0, 9.9, 10, 19, 20, 5000])).tolist() == [0, 0, 2 / 3, 2 / 3, 1, 1]


def test_too_few_conversions_tell_no_distribution() -> None:
    assert delays_of([]) is None
    assert delays_of(closed([1.0] * 100, 0.0)) is None
    assert delays_of(closed([1.0] * (LEAST_CONVERSIONS - 1))) is None
    assert delays_of(closed([1.0] * LEAST_CONVERSIONS, 0.25)) is not None
    uneven = [*closed([1.0] * LEAST_CONVERSIONS, 0.01), *closed([1.0], 1.0)]
    assert delays_of(uneven) is None  # one reward makes up nearly all


def test_a_conversion_dated_before_its_invocation_came_at_once() -> None:
    delays = delays_of(closed([-5.0] * LEAST_CONVERSIONS))
    assert delays is not None and delays.shares(np.zeros(1)).tolist() == [1]


def test_open_trials_weigh_by_age_and_closed_ones_fully() -> None:
    delays = Delays(np.array([100.0, 600.0]), np.array([1.0, 4.0]))
    ages = {0: 0.0, 99: 0.0, 100: 0.25, 600: 1.0, 999: 1.0, 1000: 1.0}
    assert {age: weight(trial(0, None), delays, at(age)) for age in ages} == ages
    assert [weight(trial(0, None), None, at(age)) for age in (999, 1000)] == [0, 1]


def test_cells_are_by_the_time_of_invocation() -> None:
    trials = [trial(0, 300), trial(50, None), trial(51, None), trial(1400, 20), trial(1400, None)]
    ends = [at(50), at(1000), at(1500)]
    assert weighted_cells(trials, ends, Delays(np.array([50.0, 200.0]), np.array([1.0, 2.0]))) == (
        (2, 1),
        (1, 0),
        (1, 1),
    )
    assert weighted_cells(trials, ends, None) == ((2, 1), (1, 0), (0, 0))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([(5.0, 1.0), (0.5, 1.0)], [(5.5, 2.0), (0.0, 0.0)]),  # the older one takes it
        ([(0.5, 1.0), (5.0, 1.0)], [(0.0, 0.0), (5.5, 2.0)]),  # if there is one
        ([(5.0, 5.0), (1.0, 0.0), (0.5, 1.0)], [(5.0, 5.0), (1.5, 1.0), (0.0, 0.0)]),
        ([(5.0, 0.0), (1.0, 1.0), (0.0, 1.0)], [(6.0, 2.0), (0.0, 0.0), (0.0, 0.0)]),
        ([(0.25, 1.0), (0.25, 0.0)], [(0.0, 0.0), (0.5, 0.5)]),  # there are not enough trials: cut
        ([(0.0, 1.0)], [(0.0, 0.0)]),
    ],
)
def test_cells_with_more_reward_than_trials_are_pooled(
    cells: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    assert valid(cells) == tuple(expected)


amounts = st.integers(0, 4000).map(lambda number: number / 1000)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=12))
def test_valid_cells_keep_both_sums(cells: list[tuple[float, float]]) -> None:
    pooled = valid(cells)
    assert len(pooled) == len(cells)
    assert all(0 <= reward <= trials for trials, reward in pooled)
    trials, reward = (math.fsum(cell[part] for cell in cells) for part in (0, 1))
    assert math.fsum(trials for trials, _ in pooled) == pytest.approx(trials)
    assert math.fsum(reward for _, reward in pooled) == pytest.approx(min(trials, reward))
    assert valid(pooled) == pooled


def true_share(age: float) -> float:
    """Half of the conversions come within a tenth of the window, half at any time in it."""
    return 0.5 * min(1.0, 10 * age / WINDOW) + 0.5 * min(1.0, age / WINDOW)


def traffic(source: random.Random, count: int, first: float, last: float, rate: float = RATE) -> list[Trial]:
    made = []
    for _ in range(count):
        delay = source.uniform(0, WINDOW) * source.choice((0.1, 1.0)) if source.random() < rate else None
        made.append(trial(source.randrange(int(first), int(last)), delay))
    return made


def weighted(trials: Sequence[Trial], now: float, known_from: Sequence[Trial] | None = None) -> tuple[float, float]:
    delays = delays_of(one for one in known_from or trials if one.closed_at <= at(now))
    return total(weighted_cells(trials, [at(end) for end in range(100, int(now) + 1, 100)], delays))


def successes_first(trials: Sequence[Trial], now: float) -> tuple[float, float]:
    """Conversions as they come, failures when the window is over."""
    return total((1, reward) for one in trials if (reward := one.reward(at(now))) or one.closed_at <= at(now))


def total(cells: Iterable[tuple[float, float]]) -> tuple[float, float]:
    cells = list(cells)
    return math.fsum(trials for trials, _ in cells), math.fsum(reward for _, reward in cells)


def rate_read(runs: Iterable[tuple[float, float]]) -> float:
    """Trials and reward must both be right on average; a mean of ratios of small counts would be biased by itself."""
    trials, reward = total(runs)
    return reward / trials


SLOW = [pytest.param(now, marks=pytest.mark.slow) for now in (1200, 1500, 2000)]  # F is known seldom, mostly, always


@pytest.mark.parametrize("now", [1300, *SLOW])  # F is known in half of the runs
def test_the_rate_read_is_the_true_one(now: int) -> None:
    source = random.Random(now)
    runs = [traffic(source, 2 * now, 0, now) for _ in range(40)]
    invocations = 40 * 2 * (now - WINDOW)
    standard_error = math.sqrt(RATE * (1 - RATE) / invocations)
    assert rate_read(weighted(run, now) for run in runs) == pytest.approx(RATE, abs=2.5 * standard_error)
    assert rate_read(successes_first(run, now) for run in runs) > RATE + 10 * standard_error


@pytest.mark.slow
def test_a_variant_that_has_just_joined_is_read_right() -> None:
    """All of it is open; F comes from the others."""
    source, reads, raw = random.Random(1), [], []
    for _ in range(60):
        others, joined = traffic(source, 3000, 0, 2000), traffic(source, 1000, 1700, 2000, 0.1)
        reads.append(weighted(joined, 2000, others))
        raw.append((1000, total((1, one.reward(at(2000))) for one in joined)[1]))
    assert rate_read(reads) == pytest.approx(0.1, abs=0.003)
    assert rate_read(raw) < 0.06


@pytest.mark.slow
def test_delays_are_right_from_the_first_closed_cohorts_and_would_not_be_from_open_ones() -> None:
    source, ages, now = random.Random(2), (50.0, 100.0, 500.0), 1300.0
    right: list[list[float]] = []
    wrong: list[list[float]] = []
    for _ in range(100):
        trials = traffic(source, 2600, 0, now)
        known = [one for one in trials if one.closed_at <= at(now)]
        seen = [one for one in trials if one.reward(at(now))]
        for delays, shares in ((delays_of(known), right), (delays_of(seen), wrong)):
            if delays:
                shares.append(delays.shares(np.array(ages)).tolist())
    assert 30 < len(right) < 70
    for index, age in enumerate(ages):
        assert statistics.fmean(shares[index] for shares in right) == pytest.approx(true_share(age), abs=0.03)
        assert statistics.fmean(shares[index] for shares in wrong) > true_share(age) + 0.05
