"""What is known at an interval's end, by hand and, on average, against the truth."""

import numpy as np
import pytest

from abtest.experiment.allocation.strategies import Known
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import Scenario, interval_policy, simulate
from abtest.experiment.simulation.known import READINGS, Cohorts
from abtest.experiment.simulation.policies import IntervalPolicy, Session, Stateless

SPREAD = (0.5, 0.25, 0.25)


def cohorts(*conversions: tuple[int, int, int], trials: int = 1000, window: int | None = None) -> Cohorts:
    """One run of one arm; each interval's conversions by delay."""
    made = Cohorts(1, Scenario("by hand", (0.1,), delay=SPREAD, window=window))
    for seen in conversions:
        made.add(np.array([[[trials - sum(seen), *seen]]]))
        made.end()
    return made


def cells(known: Known) -> list[tuple[float, float]]:
    return list(zip(known.trials[0, :, 0].tolist(), known.rewards[0, :, 0].tolist(), strict=True))


def test_three_readings_of_the_same_cohorts() -> None:
    seen = cohorts((60, 20, 20), (40, 30, 30), (50, 25, 25), (10, 0, 5))
    assert cells(seen.known("raw")) == [(1000, 100), (1000, 100), (1000, 75), (1000, 10)]
    assert cells(seen.known("closed")) == [(1000, 100), (1000, 100)]
    # Of 200 closed conversions 100 were seen at once, 150 one interval later.
    assert cells(seen.known("weighted")) == [(1000, 100), (1000, 100), (750, 75), (500, 10)]
    assert {seen.known(reading).closed for reading in READINGS} == {2}


def test_open_cohorts_wait_until_the_delay_is_known() -> None:
    unknown = cohorts((5, 5, 5), (40, 30, 30), (50, 25, 25)).known("weighted")
    assert cells(unknown) == [(1000, 15), (0, 0), (0, 0)]
    assert unknown.totals[0].tolist() == [[1000]]


def test_a_longer_window_closes_later() -> None:
    seen = cohorts((60, 20, 20), (40, 30, 30), (50, 25, 25), (10, 0, 5), window=3)
    assert seen.known("closed").closed == 1
    assert cells(seen.known("weighted")) == [(1000, 100), (1000, 100), (800, 75), (600, 10)]


def test_no_interval_has_more_reward_than_trials() -> None:
    few = cohorts((60, 20, 20), (40, 30, 30))
    few.add(np.array([[[0, 2, 1, 0]]]))
    few.end()
    few.add(np.array([[[9, 1, 0, 0]]]))
    few.end()
    # 3 invocations count 2.25 trials and have brought 3: pooled with those before them. 10 count 5 and keep their 1.
    assert cells(few.known("weighted")) == [(1000, 100), (1002.25, 103), (0, 0), (5, 1)]
    few.add(np.array([[[0, 2, 0, 0]]]))
    few.end()
    # Of 203 closed conversions 102 were seen at once, 153 one interval later. The latest 2 invocations count about 1
    # trial and have brought 2: pooled with the 10 before them.
    (trials, reward), latest = cells(few.known("weighted"))[-2:]
    assert trials == pytest.approx(10 * 153 / 203 + 2 * 102 / 203)
    assert reward == 3
    assert latest == (0, 0)


class Watcher:
    """Keeps what it was shown."""

    def __init__(self, arms: int) -> None:
        self.session = Stateless(lambda known: np.full((len(known.trials), arms), 1 / arms))
        self.seen: list[Known] = []

    def begin(self, _runs: int, _arms: int) -> Session:
        return Stateless(self.shares)

    def shares(self, known: Known) -> Floats:
        self.seen.append(known)
        return self.session.shares(known)


@pytest.mark.parametrize("delay", [(0.0, 1.0), (1 / 3, 1 / 3, 1 / 3)])
def test_weighted_and_closed_means_are_right_and_raw_ones_are_not(delay: tuple[float, ...]) -> None:
    """The mean read at every interval's end, over 400 runs, within 4 standard errors of the true rate."""
    rates = (0.3, 0.05)
    scenario = Scenario("late", rates, delay=delay, intervals=6, requests=500)
    for reading in READINGS:
        watcher = Watcher(len(rates))
        simulate(scenario, IntervalPolicy("watch", watcher.begin, reading), runs=400, seed=5)
        for known in watcher.seen[3:]:
            trials, rewards = known.totals
            means = rewards / trials
            errors = (means.mean(axis=0) - rates) / (means.std(axis=0) / 20)
            assert (np.abs(errors) < 4).all() if reading != "raw" else (errors < -10).all()


def test_a_thinly_served_arm_is_not_inflated() -> None:
    """The last cohorts of a loser with few trials: weighted by F, not "converted now, failed later"."""
    scenario = Scenario("thin", (0.6, 0.3), delay=(1 / 3, 1 / 3, 1 / 3), intervals=5, requests=200)
    policy = interval_policy("WeightedSampling", weights=[0.95, 0.05])
    watcher = Watcher(2)
    watcher.session = Stateless(lambda known: policy.begin(len(known.trials), 2).shares(known))
    simulate(scenario, IntervalPolicy("watch", watcher.begin), runs=1000, seed=6)
    trials, rewards = watcher.seen[-1].totals
    assert (rewards.sum(axis=0) / trials.sum(axis=0)) == pytest.approx([0.6, 0.3], abs=0.01)
