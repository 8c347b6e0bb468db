"""Simulations: repeatable, paired, sticky, with and without a test; what they cost."""

import dataclasses
import time

import numpy as np
import pytest

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import (
    Policy,
    RequestPolicy,
    Runs,
    Scenario,
    SequentialTest,
    Users,
    difference,
    estimate,
    interval_policy,
    request_policy,
    simulate,
)
from abtest.experiment.simulation.decisions import Monitor
from abtest.experiment.simulation.policies import Picks

pytestmark = pytest.mark.slow

SMALL = Scenario("small", (0.3, 0.4, 0.35), intervals=6, requests=40, delay=(0.5, 0.3, 0.2))
STICKY = dataclasses.replace(SMALL, users=Users(0.2, 5.0))
POLICIES: list[Policy] = [
    *(interval_policy(name) for name in ("WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling")),
    *(request_policy(name) for name in ("WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling")),
]


def same(one: Runs, other: Runs, count: int) -> bool:
    fields = ("shares", "trials", "rewards", "first_trials", "first_rewards", "pick")
    return all((getattr(one, field)[:count] == getattr(other, field)[:count]).all() for field in fields)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("scenario", [SMALL, STICKY], ids=["redrawn", "sticky"])
def test_a_seed_repeats_its_runs(policy: Policy, scenario: Scenario) -> None:
    first = simulate(scenario, policy, runs=5, seed=3)
    assert same(first, simulate(scenario, policy, runs=5, seed=3), 5)
    assert (first.trials.sum(axis=2) == scenario.requests).all()
    assert (first.rewards <= first.trials).all()
    assert (first.first_trials <= first.trials).all()
    assert first.shares.sum(axis=2) == pytest.approx(1)
    assert not same(first, simulate(scenario, policy, runs=5, seed=4), 5)


def test_more_runs_begin_with_the_same_ones() -> None:
    policy = interval_policy("ThompsonSampling")
    assert same(simulate(STICKY, policy, runs=3), simulate(STICKY, policy, runs=1003), 3)
    many = simulate(SMALL, interval_policy("WeightedSampling"), runs=1003)
    assert len(many.pick) == len(many.trials) == 1003
    assert (many.rewards[1000] != many.rewards[0]).any()


def test_equal_shares_earn_the_same_under_any_name() -> None:
    """Paired draws: two policies that pick alike see the same outcomes; others nearly so."""
    equal, floored = interval_policy("WeightedSampling"), interval_policy("ThompsonSampling", floor=1 / 3)
    assert same(simulate(SMALL, equal, runs=20), simulate(SMALL, floored, runs=20), 20)
    ours, theirs = (
        simulate(SMALL, interval_policy("ThompsonSampling", reading=reading), runs=200)
        for reading in ("weighted", "closed")
    )
    paired = difference(ours.rewards.sum(axis=(1, 2)), theirs.rewards.sum(axis=(1, 2))).error
    alone = estimate(ours.rewards.sum(axis=(1, 2))).error
    assert paired < alone / 2


def test_a_request_policy_that_draws_alike_meets_the_same_users() -> None:
    """One arm for all: what it brings is what the same arm brings by interval."""
    only = RequestPolicy("second", lambda trials, _rewards, _random: np.ones(len(trials), dtype=np.int64))
    for scenario in (SMALL, STICKY):
        by_request = simulate(scenario, only, runs=7)
        by_interval = simulate(scenario, interval_policy("WeightedSampling", weights=[0, 1, 0]), runs=7)
        assert (by_request.rewards == by_interval.rewards).all()
        assert (by_request.first_rewards == by_interval.first_rewards).all()


def test_raw_counters_see_conversions_when_they_come() -> None:
    seen: list[tuple[float, float]] = []

    def watch(trials: Floats, rewards: Floats, _random: np.random.Generator) -> Picks:
        seen.append((float(trials[0, 0]), float(rewards[0, 0])))
        return np.zeros(len(trials), dtype=np.int64)

    scenario = Scenario("certain", (1.0, 1.0), intervals=3, requests=2, delay=(0.0, 1.0))
    simulate(scenario, RequestPolicy("watch", watch), runs=1)
    assert seen == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]
    seen.clear()
    simulate(dataclasses.replace(scenario, delay=(1.0,)), RequestPolicy("watch", watch), runs=1)
    assert seen == [(count, count) for count in range(6)]


def test_sticky_users_cut_what_can_be_won() -> None:
    """And each is a first outcome once."""
    sticky = Scenario("sticky", (0.04, 0.05), intervals=20, users=Users(0.1))
    found = simulate(sticky, interval_policy("ThompsonSampling"), runs=100)
    redrawn = simulate(dataclasses.replace(sticky, users=Users()), interval_policy("ThompsonSampling"), runs=100)
    assert found.total_regret.mean() > 1.5 * redrawn.total_regret.mean()
    assert (redrawn.first_trials == redrawn.trials).all()
    users = found.first_trials.sum(axis=2)
    assert (users[:, 0] == 1000).all()
    assert users[:, 1:].mean() == pytest.approx(100, rel=0.02)


def test_thompson_by_interval_and_by_request_agree_on_time() -> None:
    scenario = Scenario("clear", (0.2, 0.4), intervals=20, requests=50)
    ours = simulate(scenario, interval_policy("ThompsonSampling"), runs=300)
    theirs = simulate(scenario, request_policy("ThompsonSampling"), runs=300)
    # By interval the first 50 requests are drawn evenly: 25 * 0.2 lost, of which by request somewhat less.
    gap = difference(ours.total_regret, theirs.total_regret)
    assert 0 < gap.mean < 5
    assert ours.right.all()


def test_the_test_runs_along_and_finds_what_it_finds_afterwards() -> None:
    scenario = Scenario("clear", (0.2, 0.5), intervals=15, requests=60, delay=(0.5, 0.5))
    found = simulate(scenario, interval_policy("ThompsonSampling", floor=0.2), runs=30, test=SequentialTest())
    monitor = Monitor(30, 2, SequentialTest())
    for at in range(1, 15):  # what the interval before brought is closed then
        before = (found.first_trials[:, at - 1], found.first_rewards[:, at - 1], found.shares[:, at - 1])
        monitor.look(*before, at=at)
    assert found.decisions is not None
    assert (found.decisions.leader == monitor.decisions.leader).all()
    assert (found.decisions.decided_at == monitor.decisions.decided_at).all()
    assert found.decisions.status.count("decided") >= 20
    assert not found.false_decision.any()


def test_learn_first_splits_a_part_evenly_until_decided_and_then_follows_the_strategy() -> None:
    scenario = Scenario("clear", (0.2, 0.5), intervals=15, requests=60)
    test = SequentialTest(mode="learn_first", even=0.6)
    found = simulate(scenario, interval_policy("ThompsonSampling"), runs=30, test=test)
    assert found.decisions is not None
    for shares, leader, at in zip(found.shares, found.decisions.leader, found.decisions.decided_at, strict=True):
        until = len(shares) if leader < 0 else at + 1
        assert shares[:until].min() >= 0.3 - 1e-9
        assert (shares[until:, leader] > 0.95).all()


def test_learn_first_teaches_nothing_more_of_arms_that_are_refuted() -> None:
    scenario = Scenario("clear", (0.5, 0.5, 0.1), intervals=15, requests=120)
    found = simulate(scenario, interval_policy("WeightedSampling"), runs=20, test=SequentialTest(mode="learn_first"))
    assert np.allclose(found.shares[:, 0], 1 / 3)
    assert np.allclose(found.shares[:, -1].mean(axis=0), (5 / 12, 5 / 12, 1 / 6), atol=0.02)


def test_what_a_test_may_change() -> None:
    scenario, test = Scenario("clear", (0.2, 0.5), intervals=15, requests=60), SequentialTest(mode="learn_first")
    for changing in (test, SequentialTest(margin=0.1)):
        with pytest.raises(ValueError, match=r"^test: "):
            simulate(scenario, request_policy("UCB1"), runs=1, test=changing)


@pytest.mark.parametrize("mode", ["earn_first", "learn_first"])
def test_the_champion_stays_where_all_are_equivalent(mode: str) -> None:
    scenario = Scenario("equal", (0.5, 0.5), intervals=12, requests=1000)
    test = SequentialTest(mode=mode, even=0.6, margin=0.15)
    found = simulate(scenario, interval_policy("ThompsonSampling"), runs=20, test=test)
    assert found.decisions is not None
    assert found.decisions.status.count("equivalent") >= 15
    for run_number in np.flatnonzero(found.decisions.equivalent):
        assert (found.shares[run_number, found.decisions.decided_at[run_number] + 1 :, 0] == 1).all()


@pytest.mark.parametrize(
    ("runs", "seed", "named"),
    [(0, 0, "runs"), (1.5, 0, "runs"), (1, -1, "seed"), (1, None, "seed")],
)
def test_bad_input_is_named(runs: int, seed: int, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        simulate(SMALL, POLICIES[0], runs=runs, seed=seed)


def test_a_thousand_runs_of_five_arms_take_seconds() -> None:
    started = time.process_time()
    simulate(Scenario("five", (0.1, 0.08, 0.08, 0.08, 0.08)), interval_policy("ThompsonSampling"), runs=1000)
    assert time.process_time() - started < 10
