"""Open cohorts weighted by F read the true rate, from the first look on; what is easier to do does not."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.arrays import Floats
from abtest.experiment.counting import columns
from abtest.experiment.counting.count import count
from abtest.experiment.counting.delays import LEAST_CONVERSIONS, Delays, delays_of, seen_by_age, valid
from abtest.experiment.counting.event_table import CONVERSION, INVOCATION, Draw, EventTable
from tests.experiment import reference
from tests.experiment.samples import EXPERIMENT, NAMES, START, at

WINDOW = 1000
RATE = 0.05


def of(delays: Sequence[float], reward: Sequence[float]) -> Delays | None:
    return delays_of(np.array(delays, float), np.array(reward, float))


def test_the_share_is_of_the_reward_that_had_come() -> None:
    delays = of([10.0] * 30 + [20.0] * 30, [1.0] * 30 + [0.5] * 30)
    assert delays is not None
    assert delays.by(np.array([0, 9.9, 10, 19, 20, 5000])).tolist() == [0, 0, 2 / 3, 2 / 3, 1, 1]


def test_too_few_conversions_tell_no_distribution() -> None:
    assert of([], []) is None
    assert of([1.0] * 100, [0.0] * 100) is None
    assert of([1.0] * (LEAST_CONVERSIONS - 1), [1.0] * (LEAST_CONVERSIONS - 1)) is None
    assert of([1.0] * LEAST_CONVERSIONS, [0.25] * LEAST_CONVERSIONS) is not None
    assert of([1.0] * (LEAST_CONVERSIONS + 1), [0.01] * LEAST_CONVERSIONS + [1.0]) is None  # one makes up nearly all


def test_each_run_learns_from_its_own_conversions() -> None:
    reward = np.array([[15.0, 30.0], [15.0, 29.0]])
    assert seen_by_age(reward, reward[:, -1]).tolist() == [[0.5, 1.0], [0.0, 0.0]]


def pooled(*variants: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """`valid` of one run's cells by variant, each given as (trials, reward), the oldest first."""
    cells = np.array(variants, float).transpose(2, 1, 0)[:, None]
    trials, rewards = valid(cells[0], cells[1])
    return [list(zip(*own, strict=True)) for own in zip(trials[0].T.tolist(), rewards[0].T.tolist(), strict=True)]


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
    assert pooled(cells) == [expected]


amounts = st.integers(0, 4000).map(lambda number: number / 1000)


@given(
    st.integers(1, 12).flatmap(
        lambda length: st.lists(
            st.lists(st.tuples(amounts, amounts), min_size=length, max_size=length), min_size=1, max_size=3
        )
    )
)
def test_each_variant_is_pooled_by_itself_and_keeps_both_sums(variants: list[list[tuple[float, float]]]) -> None:
    for cells, found in zip(variants, pooled(*variants), strict=True):
        assert all(0 <= reward <= trials for trials, reward in found)
        trials, reward = (math.fsum(cell[part] for cell in cells) for part in (0, 1))
        assert math.fsum(trials for trials, _ in found) == pytest.approx(trials)
        assert math.fsum(reward for _, reward in found) == pytest.approx(min(trials, reward))
        assert pooled(found) == [found]
        if all(abs(reward - trials) > 1e-3 for trials, reward in _partial_sums(cells)):  # else rounding may decide
            assert [pytest.approx(cell) for cell in found] == reference.valid(cells)


def _partial_sums(cells: list[tuple[float, float]]) -> list[tuple[float, float]]:
    parts = [cells[start:end] for start in range(len(cells)) for end in range(start + 1, len(cells) + 1)]
    return [(math.fsum(n for n, _ in part), math.fsum(s for _, s in part)) for part in parts]


class Traffic(NamedTuple):
    """When requests came, how long their conversions take (infinite: for ever), in seconds, and the variant's place."""

    at: Floats
    delay: Floats
    variant: int = 0

    def known(self, now: float) -> Floats:
        """Whether the conversion has come by `now`."""
        return np.where(self.at + self.delay <= now, 1.0, 0.0)


def true_share(age: float) -> float:
    """Half of the conversions come within a tenth of the window, half at any time in it."""
    return 0.5 * min(1.0, 10 * age / WINDOW) + 0.5 * min(1.0, age / WINDOW)


def traffic(random: np.random.Generator, size: int, last: int, rate: float = RATE, first: int = 0) -> Traffic:
    delay = np.floor(random.uniform(0, WINDOW, size) * random.choice((0.1, 1.0), size))
    converts = random.random(size) < rate
    return Traffic(random.integers(first, last, size).astype(float), np.where(converts, delay, np.inf))


def weighted(now: int, *variants: Traffic) -> list[tuple[float, float]]:
    """Trials and reward of each variant as `count` weighs them at `now`."""
    begin = columns.to_milliseconds(START)
    draws = tuple(Draw(EXPERIMENT, name, "ThompsonSampling") for name in NAMES)
    invocations, conversions = list[tuple[float, ...]](), list[tuple[float, ...]]()
    for place, own in enumerate(variants):
        for came, delay in zip((begin + 1000 * own.at).tolist(), own.delay.tolist(), strict=True):
            number = len(invocations)
            invocations.append((number, came, number, place))
            if math.isfinite(delay):
                conversions.append((number, came + 1000 * delay, number, place, 1.0))
    table = EventTable(draws, np.array(invocations, INVOCATION), np.array(conversions, CONVERSION))
    ends = [at(end) for end in range(100, now, 100)]
    arguments = {"experiment_id": EXPERIMENT, "as_of": at(now), "attribution_window_seconds": WINDOW}
    counted = count(table, boundaries=ends, **arguments).weighted_history  # type: ignore[arg-type]
    cells = [[interval.get(name, (0.0, 0.0)) for interval in counted] for name in NAMES[: len(variants)]]
    return [(math.fsum(n for n, _ in own), math.fsum(s for _, s in own)) for own in cells]


def rate_read(runs: Sequence[tuple[float, float]]) -> float:
    """Trials and reward must both be right on average; a mean of ratios of small counts would be biased by itself."""
    return math.fsum(reward for _, reward in runs) / math.fsum(trials for trials, _ in runs)


SLOW = [pytest.param(now, marks=pytest.mark.slow) for now in (1200, 1500, 2000)]  # F is known seldom, mostly, always


@pytest.mark.parametrize("now", [1300, *SLOW])  # F is known in half of the runs
def test_the_rate_read_is_the_true_one(now: int) -> None:
    random = np.random.default_rng(now)
    runs = [traffic(random, 2 * now, now) for _ in range(40)]
    standard_error = math.sqrt(RATE * (1 - RATE) / (40 * 2 * (now - WINDOW)))
    assert rate_read([weighted(now, run)[0] for run in runs]) == pytest.approx(RATE, abs=2.5 * standard_error)
    # Conversions as they come, failures when the window is over.
    early = [(float(((run.at + WINDOW <= now) | (run.known(now) > 0)).sum()), run.known(now).sum()) for run in runs]
    assert rate_read(early) > RATE + 10 * standard_error


@pytest.mark.slow
def test_a_variant_that_has_just_joined_is_read_right() -> None:
    """All of it is open; F comes from the others."""
    random, reads, raw = np.random.default_rng(1), [], []
    for _ in range(60):
        others, joined = traffic(random, 3000, 2000), traffic(random, 1000, 2000, 0.1, first=1700)
        reads.append(weighted(2000, others, joined)[1])
        raw.append((1000.0, float(joined.known(2000).sum())))
    assert rate_read(reads) == pytest.approx(0.1, abs=0.003)
    assert rate_read(raw) < 0.06


@pytest.mark.slow
def test_delays_are_right_from_the_first_closed_cohorts_and_would_not_be_from_open_ones() -> None:
    random, ages, now = np.random.default_rng(2), np.array([50.0, 100.0, 500.0]), 1300
    right, wrong = list[Floats](), list[Floats]()
    for _ in range(100):
        run = traffic(random, 2600, now)
        closed, seen = np.isfinite(run.delay) & (run.at + WINDOW <= now), run.known(now) > 0
        for chosen, shares in ((closed, right), (seen, wrong)):
            delays = delays_of(run.delay[chosen], np.ones(int(chosen.sum())))
            if delays:
                shares.append(delays.by(ages))
    assert 30 < len(right) < 70
    truth = [true_share(age) for age in ages.tolist()]
    assert np.mean(right, axis=0) == pytest.approx(truth, abs=0.03)
    assert (np.mean(wrong, axis=0) > np.array(truth) + 0.05).all()
