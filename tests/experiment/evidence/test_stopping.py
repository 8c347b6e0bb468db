"""The always-valid test: each factor is an e-value, false decisions are rare, clear differences are found."""

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.stopping import (
    FIRST_MEANS,
    KEPT_AT_FIRST,
    MOST_STAKED,
    STAKES,
    WEIGHTS,
    PairTest,
    array_of,
    highest,
    log_batch,
    threshold_of,
    verdict,
)
from abtest.experiment.record.variants import Trials

ALPHA = 0.05


def factors(a: Trials, b: Trials, mean: float, difference: float) -> Floats:
    """S for each of STAKES."""
    users, rewards = array_of([a, b]).T
    return np.exp(log_batch(users, rewards, np.array(mean), difference))


def probabilities(users: int, mean: float) -> list[float]:
    return [float(stats.binom.pmf(reward, users, mean)) for reward in range(users + 1)]


@pytest.mark.parametrize(("a", "b"), [(1, 1), (4, 4), (1, 7), (7, 1), (12, 3)])
@pytest.mark.parametrize(("mean_a", "mean_b"), [(0.02, 0.02), (0.3, 0.5), (0.9, 0.7), (1.0, 0.0), (0.0, 1.0)])
def test_a_batch_expects_at_most_one(a: int, b: int, mean_a: float, mean_b: float) -> None:
    """Over all outcomes, for what the difference is or more, whatever the stake and the mean it is put around."""
    rewards = np.array(list(itertools.product(range(a + 1), range(b + 1))), float).T
    users = np.array([[a], [b]]) * np.ones_like(rewards)
    chances = np.outer(probabilities(a, mean_a), probabilities(b, mean_b)).ravel()
    for more, mean in itertools.product((0.0, 0.01), (0.05, 0.5, 0.97)):
        logs = log_batch(users, rewards, np.array(mean), min(mean_a - mean_b + more, 1.0))
        assert (chances @ np.exp(logs)).max() <= 1 + 1e-9


def test_fractional_rewards_are_safer_than_whole_ones() -> None:
    """The same mean from three values between 0 and 1."""
    values = {0.0: 0.3, 0.5: 0.4, 1.0: 0.3}
    expected = sum(values[y] * values[z] * factors((1, y), (1, z), 0.5, 0.0)[-1] for y in values for z in values)
    assert expected <= 1


ARM = st.tuples(st.integers(1, 50), st.floats(0, 1)).map(lambda arm: (arm[0], arm[0] * arm[1]))
MAYBE = st.one_of(st.just((0, 0.0)), ARM)


@given(ARM, ARM, st.floats(0.01, 0.99), st.floats(-1, 1), st.floats(-1, 1))
def test_what_refutes_a_difference_refutes_any_smaller_one(
    a: Trials, b: Trials, mean: float, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    assert (factors(a, b, mean, small) >= factors(a, b, mean, large) * (1 - 1e-9)).all()


def in_plain_words(batches: Sequence[tuple[Trials, Trials]], difference: float) -> list[float]:
    """The highest e-value after each batch, as the module's docstring has it: one number after the other."""
    capital, top, found = list(WEIGHTS), 1.0, []
    earlier: list[list[float]] = [[0.0, 0.0], [0.0, 0.0]]  # users and reward of a and of b
    for a, b in batches:
        if a[0] and b[0]:
            overall = (earlier[0][1] + earlier[1][1] + 0.5) / (earlier[0][0] + earlier[1][0] + 1)
            means = [(reward + overall) / (users + 1) for users, reward in earlier]
            mean = (a[0] * means[0] + b[0] * means[1]) / (a[0] + b[0])
            first = not earlier[0][0] + earlier[1][0]
            for place, stake in enumerate(STAKES):
                tried = [bet(a, b, m, difference, stake) for m in (FIRST_MEANS if first else (mean,))]
                factor = KEPT_AT_FIRST + (1 - KEPT_AT_FIRST) * sum(tried) / len(tried) if first else tried[0]
                capital[place] *= factor
            top = max(top, sum(capital))
        earlier = [[n + m, s + r] for (n, s), (m, r) in zip(earlier, (a, b), strict=True)]
        found.append(top)
    return found


def bet(a: Trials, b: Trials, mean: float, difference: float, stake: float) -> float:
    """S for one stake."""
    part_a, part_b = b[0] / (a[0] + b[0]), a[0] / (a[0] + b[0])
    stake = min(stake, MOST_STAKED / max(part_a, part_b))
    mean_a = min(max(mean + difference * part_a, difference, 0.0), 1 + difference, 1.0)
    mean_b = min(max(mean_a - difference, 0.0), 1.0)
    of_a = (1 + stake * part_a * (1 - mean_a)) ** a[1] * (1 - stake * part_a * mean_a) ** (a[0] - a[1])
    of_b = (1 - stake * part_b * (1 - mean_b)) ** b[1] * (1 + stake * part_b * mean_b) ** (b[0] - b[1])
    return float(of_a * of_b)


@given(st.lists(st.tuples(MAYBE, MAYBE), max_size=8), st.floats(-1, 1), st.integers(0, 8))
def test_the_e_value_is_that_of_the_formula(batches: list[tuple[Trials, Trials]], difference: float, cut: int) -> None:
    """Whether batches come at once, or in two parts, alone or beside another pair."""
    a, b = (array_of([pair[side] for pair in batches]) for side in (0, 1))
    expected = np.array(in_plain_words(batches, difference))
    assert np.exp(highest(a, b, difference)) == pytest.approx(expected, rel=1e-9)
    pairs = np.stack([np.stack([a, b]), np.stack([b, a])], axis=2).transpose(3, 0, 1, 2)  # cell, arm, batch, pair
    test = PairTest((2,), difference)
    path = np.concatenate([test.add(*pairs[:, :, :cut]), test.add(*pairs[:, :, cut:])])
    assert np.exp(path[:, 0]) == pytest.approx(expected, rel=1e-9)
    assert test.highest.tolist() == (path[-1].tolist() if batches else [0, 0])


def test_a_difference_that_no_means_can_have_is_exceeded() -> None:
    assert highest(array_of([(0, 0.0)]), array_of([(0, 0.0)]), -1.5).tolist() == [math.inf]


def simulated(
    seed: int, rates: Sequence[float], looks: int, users: int, explored: float = 0.0
) -> list[dict[str, Trials]]:
    """Each user gets the arm that a Thompson draw prefers, or any one with probability `explored`."""
    random_ = random.Random(seed)
    totals = [(0, 0)] * len(rates)
    intervals: list[dict[str, Trials]] = []
    for _ in range(looks):
        found = [(0, 0)] * len(rates)
        for _ in range(users):
            draws = [random_.betavariate(1 + reward, 1 + trials - reward) for trials, reward in totals]
            arm = random_.randrange(len(rates)) if random_.random() < explored else draws.index(max(draws))
            found[arm] = (found[arm][0] + 1, found[arm][1] + (random_.random() < rates[arm]))
        totals = [(n + m, s + r) for (n, s), (m, r) in zip(totals, found, strict=True)]
        intervals.append({str(arm): (n, float(s)) for arm, (n, s) in enumerate(found)})
    return intervals


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "runs"), [((0.5, 0.5), 400), ((0.7, 0.7, 0.7), 300)])
def test_equal_arms_are_rarely_told_apart(rates: tuple[float, ...], runs: int) -> None:
    """50 looks each: the upper 95 % limit of the share of false decisions is below alpha."""
    names = [str(arm) for arm in range(len(rates))]
    false = sum(verdict(simulated(seed, rates, 50, 15), names, ALPHA).leader is not None for seed in range(runs))
    assert float(stats.beta.ppf(0.95, false + 1, runs - false)) <= ALPHA


def test_clear_differences_are_found() -> None:
    names = ["0", "1", "2"]
    found = [verdict(simulated(seed, (0.3, 0.7), 20, 50, 0.2), names[:2], ALPHA).leader for seed in range(20)]
    assert set(found) <= {"1", None}
    assert found.count("1") >= 18
    found = [verdict(simulated(seed, (0.2, 0.3, 0.8), 40, 50, 0.2), names, ALPHA).leader for seed in range(10)]
    assert set(found) <= {"2", None}
    assert found.count("2") >= 8


@given(st.lists(st.tuples(ARM, ARM, ARM), max_size=6), st.permutations("abc"))
def test_the_order_of_the_variants_does_not_matter(batches: list[tuple[Trials, ...]], order: list[str]) -> None:
    intervals = [dict(zip("abc", batch, strict=True)) for batch in batches]
    one, other = verdict(intervals, "abc", ALPHA), verdict(intervals, order, ALPHA)
    assert one == other


def test_a_named_leader_stays_named() -> None:
    clear: dict[str, Trials] = {"a": (100, 90.0), "b": (100, 20.0)}
    reverse: dict[str, Trials] = {"a": (100, 20.0), "b": (100, 90.0)}
    assert verdict([clear], ["a", "b"], ALPHA).leader == "a"
    assert verdict([clear, *[reverse] * 5], ["a", "b"], ALPHA).leader == "a"


def test_the_leader_must_beat_every_other_arm() -> None:
    interval: dict[str, Trials] = {"a": (100, 90.0), "b": (100, 20.0), "c": (100, 88.0)}
    test = verdict([interval], ["a", "b", "c"], ALPHA)
    assert test.leader is None
    assert test.threshold == 3 / ALPHA
    assert test.e_values["a"]["b"] > test.threshold > test.e_values["a"]["c"]


def test_arms_without_users_tell_nothing() -> None:
    test = verdict([{"a": (100, 90.0)}, {}], ["a", "b"], ALPHA)
    assert test.leader is None
    assert test.e_values == {"a": {"b": 1.0}, "b": {"a": 1.0}}
    assert verdict([], ["a"], ALPHA).leader is None


def test_e_values_stay_finite() -> None:
    interval: dict[str, Trials] = {"a": (10**6, 10.0**6), "b": (10**6, 0.0)}
    test = verdict([interval] * 3, ["a", "b"], ALPHA)
    assert test.e_values["a"]["b"] == pytest.approx(1e100)


def test_a_champion_and_its_equals_are_equivalent() -> None:
    interval: dict[str, Trials] = {"a": (4000, 2000.0), "b": (4000, 2010.0), "c": (4000, 1990.0)}
    assert verdict([interval] * 3, ["a", "b", "c"], ALPHA, margin=0.1).equivalent
    assert not verdict([interval] * 3, ["a", "b", "c"], ALPHA, margin=0.001).equivalent
    assert not verdict([interval] * 3, ["a", "b", "c"], ALPHA).equivalent
    without: dict[str, Trials] = {name: trials for name, trials in interval.items() if name != "c"}
    assert not verdict([without] * 3, ["a", "b", "c"], ALPHA, margin=0.1).equivalent
    assert not verdict([interval], ["a"], ALPHA, margin=0.1).equivalent


def test_only_the_first_of_winner_and_equivalence_stands() -> None:
    close: dict[str, Trials] = {"a": (4000, 2000.0), "b": (4000, 2000.0)}
    clear: dict[str, Trials] = {"a": (4000, 1000.0), "b": (4000, 3000.0)}
    early = verdict([close] * 3 + [clear] * 3, ["a", "b"], ALPHA, margin=0.1)
    assert (early.leader, early.equivalent) == (None, True)
    late = verdict([clear] * 3 + [close] * 99, ["a", "b"], ALPHA, margin=0.1)
    assert (late.leader, late.equivalent) == ("b", False)


def test_the_better_arm_is_worth_its_cost() -> None:
    intervals: list[dict[str, Trials]] = [{"a": (4000, 2000.0), "b": (4000, 2400.0)}] * 3
    for cost, leader in ((0.0, "b"), (0.05, "b"), (0.1, None), (0.2, "a")):
        assert verdict(intervals, ["a", "b"], ALPHA, costs={"a": 0.0, "b": cost}).leader == leader
    assert verdict(intervals, ["a", "b"], ALPHA, margin=0.03, costs={"a": 0.0, "b": 0.1}).equivalent


def test_a_difference_beyond_one_is_cut() -> None:
    """Costs of 1 and 0, and a margin: what no means can differ by is no question."""
    intervals: list[dict[str, Trials]] = [{"a": (400, 400.0), "b": (400, 0.0)}] * 3
    found = verdict(intervals, ["a", "b"], ALPHA, margin=0.5, costs={"a": 1.0, "b": 0.0})
    assert (found.leader, found.equivalent) == (None, True)  # each is worth 0
    found = verdict(intervals, ["a", "b"], ALPHA, margin=0.5, costs={"a": 0.0, "b": 1.0})
    assert (found.leader, found.equivalent) == ("a", False)


def test_a_margin_costs_more_than_two_arms_something() -> None:
    assert math.fsum(WEIGHTS) == pytest.approx(1)
    assert [threshold_of(arms, ALPHA) for arms in (1, 2, 5)] == pytest.approx([20, 40, 100])
    assert [threshold_of(arms, ALPHA, 0.1) for arms in (2, 5)] == pytest.approx([40, 120])


@pytest.mark.parametrize("alpha", [0, 1, -1, float("nan")])
def test_alpha_is_checked(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha: "):
        verdict([], ["a", "b"], alpha)


def test_a_variant_that_an_interval_does_not_hold_has_no_users_and_no_reward_there() -> None:
    held: list[dict[str, Trials]] = [
        {"a": (40, 20.0), "b": (40, 10.0)},
        {"a": (50, 25.0)},
        {"a": (60, 30.0), "b": (60, 9.0)},
    ]
    told = [{"b": (0, 0.0), **interval} for interval in held]
    assert verdict(held, ["a", "b"], ALPHA) == verdict(told, ["a", "b"], ALPHA)
