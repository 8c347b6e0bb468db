import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment import probability_best
from abtest.experiment.allocation.adaptive import Beliefs, believed
from abtest.experiment.allocation.adaptive_outlook import outlook
from abtest.experiment.allocation.strategies import believed_best, traffic_shares
from abtest.experiment.arrays import Floats
from abtest.experiment.record.variants import Trials

Interval = list[Trials]

CELL = st.tuples(st.integers(0, 2000), st.floats(0, 1)).map(lambda cell: (float(cell[0]), cell[0] * cell[1]))


def totals(history: list[Interval]) -> list[Trials]:
    return [(math.fsum(n for n, _ in arm), math.fsum(s for _, s in arm)) for arm in zip(*history, strict=True)]


def shares_of(history: list[Interval]) -> list[float]:
    return traffic_shares(totals(history), strategy="Adaptive", history=history)


def best_of(history: list[Interval]) -> list[float]:
    return believed_best(totals(history), strategy="Adaptive", history=history)


def steady(rates: tuple[float, ...], intervals: int, trials: float = 1000.0) -> list[Interval]:
    return [[(trials, trials * rate) for rate in rates] for _ in range(intervals)]


def test_the_better_arm_gets_nearly_all_once_it_is_clear() -> None:
    shares = shares_of(steady((0.04, 0.06), 10))
    assert shares[1] > 0.99


def test_without_a_trial_all_arms_are_alike() -> None:
    assert traffic_shares([(0, 0)] * 3, strategy="Adaptive") == pytest.approx([1 / 3] * 3)
    assert traffic_shares([(0, 0)], strategy="Adaptive") == [1.0]


def test_counts_alone_are_one_interval() -> None:
    counts = [(1000.0, 40.0), (1000.0, 50.0)]
    assert traffic_shares(counts, strategy="Adaptive") == shares_of([counts])
    assert believed_best(counts, strategy="Adaptive") == best_of([counts])


def test_what_is_in_no_interval_came_before_them() -> None:
    first, second = steady((0.04, 0.05), 2)
    total = [(2 * n, 2 * s) for n, s in first]
    assert traffic_shares(total, strategy="Adaptive", history=[second]) == shares_of([first, second])


LED = [*steady((0.04, 0.06), 2), *([(50.0, 2.0), (1000.0, 60.0)] for _ in range(20))]
FELL = [*LED, *([(50.0, 2.0), (1000.0, 30.0)] for _ in range(4))]


def test_a_leader_that_falls_loses_its_traffic_sooner_than_by_its_counts() -> None:
    assert traffic_shares(totals(FELL), strategy="ThompsonSampling")[1] > 0.9
    assert shares_of(FELL)[1] < 0.6


def test_the_best_is_who_is_best_now() -> None:
    assert best_of(LED)[1] > 0.98
    assert best_of(FELL)[1] < 0.1
    assert believed_best(totals(FELL), strategy="ThompsonSampling", history=FELL) == probability_best(totals(FELL))


def test_a_jump_needs_more_to_name_an_arm_than_to_send_it_traffic() -> None:
    doubtful = [*LED, [(50.0, 2.0), (1000.0, 40.0)]]
    beliefs = Beliefs.start(1, 2)
    for interval in doubtful:
        trials, rewards = np.array(interval).T[:, None, :]
        beliefs = beliefs.after(trials, rewards)
    assert beliefs.best()[0, 1] > outlook(beliefs.filter.mixture).best[0, 1] + 0.05


def test_while_nothing_changes_the_best_is_as_by_the_counts() -> None:
    for rates in ((0.05, 0.05), (0.048, 0.05), (0.05, 0.05, 0.052)):
        history = steady(rates, 10)
        assert best_of(history) == pytest.approx(probability_best(totals(history)), abs=0.02)
    assert best_of(steady((0.1,), 3)) == [1.0]
    assert believed_best([(0, 0), (0, 0)], strategy="Adaptive") == pytest.approx([0.5, 0.5])


def test_an_idle_arm_gets_more_the_longer_it_was_idle() -> None:
    idle = [[(0.0, 0.0), (1000.0, 50.0)] for _ in range(30)]
    history = [*steady((0.04, 0.05), 10), *idle]
    shares = [shares_of(history[:length])[0] for length in (15, 25, 40)]
    assert shares == sorted(shares)
    assert shares[2] > 2 * shares[0]


def test_a_loser_that_rises_is_found() -> None:
    history = steady((0.04, 0.05), 10)
    rng = np.random.default_rng(3)
    for _ in range(60):
        shares = shares_of(history)
        trials = [1000 * share for share in shares]
        history.append(
            [(n, float(min(n, rng.poisson(n * rate)))) for n, rate in zip(trials, (0.08, 0.05), strict=True)]
        )
    assert shares_of(history)[0] > 0.9


@given(
    st.integers(2, 5).flatmap(
        lambda arms: st.lists(st.lists(CELL, min_size=arms, max_size=arms), min_size=1, max_size=6)
    ),
    st.randoms(),
)
@settings(max_examples=40)
def test_permuting_arms_permutes_shares(history: list[Interval], random: object) -> None:
    shares = shares_of(history)
    assert math.fsum(shares) == pytest.approx(1, abs=1e-12)
    assert all(0 <= share <= 1 for share in shares)
    for order in itertools.islice(itertools.permutations(range(len(shares))), 1, 4):
        permuted = shares_of([[interval[arm] for arm in order] for interval in history])
        assert permuted == pytest.approx([shares[arm] for arm in order], abs=1e-6)


def test_the_same_history_gives_the_same_shares_whatever_was_asked_before() -> None:
    history = steady((0.1, 0.12, 0.11), 120, 10.0)
    at_once = shares_of(history)
    step_by_step = [shares_of(history[:length]) for length in range(1, 121)]
    assert step_by_step[-1] == at_once


def test_only_what_changed_is_taken_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was believed where intervals closed, and after every 50, is remembered."""
    taken: list[float] = []
    after = Beliefs.after

    def counted(self: Beliefs, trials: Floats, rewards: Floats) -> Beliefs:
        taken.append(float(trials[0, 0]))
        return after(self, trials, rewards)

    monkeypatch.setattr(Beliefs, "after", counted)

    def asked(cells: list[float], closed: int) -> list[float]:
        taken.clear()
        history = np.ones((2, 1, 1, 13)) * np.array(cells)[:, None]
        assert believed(history.sum(axis=2), history, closed).filter.intervals == len(cells)
        return taken[:]

    assert asked([1.5, 2], 1) == [1.5, 2]
    assert asked([1.5, 2.5, 4], 1) == [2.5, 4]
    assert asked([1.5, 5, 4.5, 6], 3) == [5, 4.5, 6]
    assert asked([1.5, 5, 4.5, 7, 8], 3) == [7, 8]
    long = [float(number) for number in range(60)]
    assert asked(long, 55) == long
    assert asked([*long[:53], 9.0], 54) == [50, 51, 52, 9]


def test_ten_million_trials_and_twenty_arms() -> None:
    history = [[(1e7, 1e7 * (0.05 + 0.001 * arm)) for arm in range(20)]]
    shares = shares_of(history)
    assert shares[19] == pytest.approx(1, abs=1e-6)


def test_runs_do_not_touch_each_other() -> None:
    trials, rewards = np.full((3, 2), 500.0), np.array([[20.0, 30.0], [30.0, 20.0], [0.0, 500.0]])
    together = Beliefs.start(3, 2).after(trials, rewards).after(trials, rewards).shares()
    for run in range(3):
        part = slice(run, run + 1)
        alone = Beliefs.start(1, 2).after(trials[part], rewards[part]).after(trials[part], rewards[part]).shares()
        assert together[run] == pytest.approx(alone[0], abs=1e-12)
