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
from abtest.experiment.evidence.betting import (
    FIRST_MEANS,
    KEPT_AT_FIRST,
    MOST_STAKED,
    STAKES,
    WEIGHTS,
    BestTest,
    PairTest,
    log_batch,
)
from abtest.experiment.evidence.stopping import Batch, arrays_of, part_of_alpha, threshold_of, verdict
from abtest.experiment.record.variants import Trials

ALPHA = 0.05
NEEDED = 1 / (0.9 * ALPHA)


def even(*intervals: dict[str, Trials]) -> list[Batch]:
    """Batches that equal shares drew."""
    return [Batch(one, dict.fromkeys(one, 1 / len(one))) for one in intervals]


def factors(a: Trials, b: Trials, part: float, mean: float, difference: float) -> Floats:
    """For each of STAKES."""
    users, rewards = np.array([a, b]).T
    return np.exp(log_batch((users, rewards), np.array(part), np.array(mean), difference))


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("mean_a", "mean_b"), [(0.02, 0.02), (0.3, 0.5), (0.9, 0.7), (1.0, 0.0), (0.0, 1.0)])
def test_a_user_expects_at_most_one(part: float, mean_a: float, mean_b: float) -> None:
    """Drawn to a with probability `part`, whatever the stake and the mean it is put around, if d is theirs or more."""
    chances = {
        ((1, 1.0), (0, 0.0)): part * mean_a,
        ((1, 0.0), (0, 0.0)): part * (1 - mean_a),
        ((0, 0.0), (1, 1.0)): (1 - part) * mean_b,
        ((0, 0.0), (1, 0.0)): (1 - part) * (1 - mean_b),
    }
    for more, mean in itertools.product((0.0, 0.01), (0.05, 0.5, 0.97)):
        difference = min(mean_a - mean_b + more, 1.0)
        expected = sum(chance * factors(a, b, part, mean, difference) for (a, b), chance in chances.items())
        assert np.max(expected) <= 1 + 1e-9


def test_a_batch_is_its_users_one_after_the_other() -> None:
    one_by_one = factors((1, 1.0), (0, 0.0), 0.3, 0.4, 0.1) ** 3 * factors((0, 0.0), (1, 0.0), 0.3, 0.4, 0.1) ** 5
    assert factors((3, 3.0), (5, 0.0), 0.3, 0.4, 0.1) == pytest.approx(one_by_one)


def test_fractional_rewards_are_safer_than_whole_ones() -> None:
    """The same mean from three values between 0 and 1."""
    values = {0.0: 0.3, 0.5: 0.4, 1.0: 0.3}
    expected = sum(
        chance * (factors((1, y), (0, 0.0), 0.5, 0.5, 0.0)[-1] + factors((0, 0.0), (1, y), 0.5, 0.5, 0.0)[-1]) / 2
        for y, chance in values.items()
    )
    assert expected <= 1


ARM = st.tuples(st.integers(1, 50), st.floats(0, 1)).map(lambda arm: (arm[0], arm[0] * arm[1]))
MAYBE = st.one_of(st.just((0, 0.0)), ARM)
PART = st.floats(0, 1)


@given(MAYBE, MAYBE, PART, st.floats(0.01, 0.99), st.floats(-1, 1), st.floats(-1, 1))
def test_what_refutes_a_difference_refutes_any_smaller_one(
    a: Trials, b: Trials, part: float, mean: float, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    assert (factors(a, b, part, mean, small) >= factors(a, b, part, mean, large) * (1 - 1e-9)).all()


def in_plain_words(batches: Sequence[tuple[Trials, Trials, float]], difference: float) -> list[float]:
    """The highest e-value after each batch, as the module's docstring has it: one number after the other."""
    capital, top, found = list(WEIGHTS), 1.0, []
    earlier: list[list[float]] = [[0.0, 0.0], [0.0, 0.0]]  # users and reward of a and of b
    for a, b, part in batches:
        overall = (earlier[0][1] + earlier[1][1] + 0.5) / (earlier[0][0] + earlier[1][0] + 1)
        means = [(reward + overall) / (users + 1) for users, reward in earlier]
        mean = part * means[0] + (1 - part) * means[1]
        first = not earlier[0][0] + earlier[1][0]
        of_a = a[0] / (a[0] + b[0]) if first and a[0] + b[0] else part
        for place, stake in enumerate(STAKES):
            tried = [bet(a, b, of_a, m, difference, stake) for m in (FIRST_MEANS if first else (mean,))]
            factor = KEPT_AT_FIRST + (1 - KEPT_AT_FIRST) * sum(tried) / len(tried) if first else tried[0]
            capital[place] *= factor
        top = max(top, sum(capital))
        earlier = [[n + m, s + r] for (n, s), (m, r) in zip(earlier, (a, b), strict=True)]
        found.append(top)
    return found


def bet(a: Trials, b: Trials, part: float, mean: float, difference: float, stake: float) -> float:
    """The product over a batch's users for one stake."""
    part_a, part_b = 1 - part, part  # what the users of each are multiplied with
    stake = min(stake, MOST_STAKED / max(part_a, part_b))
    mean_a = min(max(mean + difference * part_a, difference, 0.0), 1 + difference, 1.0)
    mean_b = min(max(mean_a - difference, 0.0), 1.0)
    of_a = (1 + stake * part_a * (1 - mean_a)) ** a[1] * (1 - stake * part_a * mean_a) ** (a[0] - a[1])
    of_b = (1 - stake * part_b * (1 - mean_b)) ** b[1] * (1 + stake * part_b * mean_b) ** (b[0] - b[1])
    return float(of_a * of_b)


@given(st.lists(st.tuples(MAYBE, MAYBE, PART), max_size=8), st.floats(-1, 1), st.integers(0, 8))
def test_the_e_value_is_that_of_the_formula(
    batches: list[tuple[Trials, Trials, float]], difference: float, cut: int
) -> None:
    """Whether batches come at once, or in two parts, alone or beside another pair."""
    cells = np.array([[(*a, part), (*b, 1 - part)] for a, b, part in batches]).reshape(-1, 2, 3)
    expected = np.array(in_plain_words(batches, difference))
    alone = PairTest(difference=difference).add(cells[..., 0], cells[..., 1], cells[..., 2])
    assert np.exp(alone) == pytest.approx(expected, rel=1e-9)
    pairs = np.stack([cells, cells[:, ::-1]], axis=1)
    test = PairTest((2,), difference)
    path = np.concatenate([test.add(*np.moveaxis(some, -1, 0)) for some in (pairs[:cut], pairs[cut:])])
    assert np.exp(path[:, 0]) == pytest.approx(expected, rel=1e-9)
    assert test.highest.tolist() == (path[-1].tolist() if batches else [0, 0])


@given(st.lists(st.tuples(MAYBE, MAYBE, PART), min_size=1, max_size=8), st.floats(-0.3, 0.3))
def test_of_two_arms_each_is_tested_by_the_pair(batches: list[tuple[Trials, Trials, float]], cost: float) -> None:
    cells = np.array([[(*a, part), (*b, 1 - part)] for a, b, part in batches])
    users, rewards, shares = np.moveaxis(cells, -1, 0)
    best = BestTest((), np.array([cost, 0.0])).add(users, rewards, shares)
    for arm, pair, difference in ((1, [0, 1], cost), (0, [1, 0], -cost)):
        other = PairTest(difference=difference).add(users[:, pair], rewards[:, pair], shares[:, pair])
        drawn = (shares > 0).all(axis=1).all()  # where one arm cannot be drawn nothing is bet
        assert not drawn or np.allclose(best[:, arm], other)


def test_a_difference_that_no_means_can_have_is_exceeded() -> None:
    nobody = np.zeros((1, 2))
    assert PairTest(difference=-1.5).add(nobody, nobody, nobody + 0.5).tolist() == [math.inf]


def simulated(seed: int, rates: Sequence[float], looks: int, users: int, explored: float = 0.0) -> list[Batch]:
    """Each user gets an arm by Thompson's shares, by 50 draws, or any one with probability `explored`."""
    random_ = np.random.default_rng(seed)
    totals, batches = np.zeros((2, len(rates))), list[Batch]()
    for _ in range(looks):
        drawn = random_.beta(1 + totals[1], 1 + totals[0] - totals[1], size=(50, len(rates))).argmax(axis=1)
        best = (np.bincount(drawn, minlength=len(rates)) + 0.1) / (50 + 0.1 * len(rates))
        shares = (1 - explored) * best + explored / len(rates)
        sizes = random_.multinomial(users, shares)
        found = random_.binomial(sizes, rates)
        totals += sizes, found
        cells = {str(arm): (int(n), float(s)) for arm, (n, s) in enumerate(zip(sizes, found, strict=True))}
        batches.append(Batch(cells, {str(arm): float(share) for arm, share in enumerate(shares)}))
    return batches


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "runs"), [((0.5, 0.5), 400), ((0.7, 0.7, 0.7), 300)])
def test_of_equal_arms_a_challenger_is_rarely_named(rates: tuple[float, ...], runs: int) -> None:
    """50 looks each: the upper 95 % limit of the share of false decisions is below alpha."""
    names = [str(arm) for arm in range(len(rates))]
    false = sum(verdict(simulated(seed, rates, 50, 15), names, ALPHA).leader not in (None, "0") for seed in range(runs))
    assert float(stats.beta.ppf(0.95, false + 1, runs - false)) <= ALPHA


def test_clear_differences_are_found() -> None:
    names = ["0", "1", "2"]
    found = [verdict(simulated(seed, (0.3, 0.7), 20, 50, 0.2), names[:2], ALPHA).leader for seed in range(20)]
    assert found.count("1") >= 18
    assert "0" not in found
    found = [verdict(simulated(seed, (0.2, 0.3, 0.8), 40, 50, 0.2), names, ALPHA).leader for seed in range(10)]
    assert found.count("2") >= 8
    assert set(found) <= {"2", None}


def test_one_user_at_a_time_is_enough() -> None:
    """No batch has users of both arms."""
    random_ = random.Random(4)
    arms = [random_.choice("ab") for _ in range(400)]
    batches = [
        Batch({arm: (1, float(random_.random() < {"a": 0.8, "b": 0.4}[arm]))}, {"a": 0.5, "b": 0.5}) for arm in arms
    ]
    assert verdict(batches, ["a", "b"], ALPHA).leader == "a"


def test_a_first_batch_does_not_bet_on_who_got_more_users() -> None:
    """A twentieth of the users of one arm lost, of equal rates far from some of the means that are tried."""
    lost: dict[str, Trials] = {"a": (10_000, 5000.0), "b": (9_500, 4750.0)}
    assert max(verdict(even(lost), ["a", "b"], ALPHA).e_values.values()) < 1.5


def test_small_differences_are_found_with_enough_users() -> None:
    """A log odds ratio of .02, as between .505 and .5."""
    many: dict[str, Trials] = {"a": (10_000, 5050.0), "b": (10_000, 5000.0)}
    assert verdict(even(*[many] * 5), ["a", "b"], ALPHA).leader is None
    assert verdict(even(*[many] * 40), ["a", "b"], ALPHA).leader == "a"


@given(st.lists(st.tuples(ARM, ARM), max_size=6))
def test_the_order_of_two_variants_does_not_matter(batches: list[tuple[Trials, ...]]) -> None:
    intervals = even(*(dict(zip("ab", batch, strict=True)) for batch in batches))
    one, other = verdict(intervals, "ab", ALPHA), verdict(intervals, "ba", ALPHA)
    assert one.leader == other.leader
    assert one.e_values == pytest.approx(other.e_values)


def test_a_named_leader_stays_named() -> None:
    clear: dict[str, Trials] = {"a": (100, 90.0), "b": (100, 20.0)}
    reverse: dict[str, Trials] = {"a": (100, 20.0), "b": (100, 90.0)}
    assert verdict(even(clear), ["a", "b"], ALPHA).leader == "a"
    found = verdict(even(clear, *[reverse] * 5), ["a", "b"], ALPHA)
    assert (found.leader, found.crossed) == ("a", True)


def test_where_the_best_changes_before_all_others_are_refuted_nobody_is_named() -> None:
    first: dict[str, Trials] = {"a": (100, 90.0), "b": (100, 88.0), "c": (100, 20.0)}
    then: dict[str, Trials] = {"a": (400, 80.0), "b": (400, 80.0), "c": (400, 320.0)}
    found = verdict(even(*[first] * 3, *[then] * 3), ["a", "b", "c"], ALPHA)
    assert (found.leader, found.crossed, set(found.refuted)) == (None, True, {"a", "b", "c"})


def test_every_other_arm_must_be_refuted() -> None:
    interval: dict[str, Trials] = {"a": (100, 90.0), "b": (100, 20.0), "c": (100, 88.0)}
    test = verdict(even(*[interval] * 2), ["a", "b", "c"], ALPHA)
    assert test.leader is None
    assert test.threshold == pytest.approx(NEEDED)
    assert (set(test.refuted), test.crossed) == ({"b"}, False)
    assert test.e_values["b"] > test.threshold > test.e_values["c"]


def test_users_of_another_variant_tell_nothing() -> None:
    test = verdict([Batch({"c": (100, 90.0)}, {"c": 1.0})], ["a", "b"], ALPHA)
    assert test.leader is None
    assert test.e_values == pytest.approx({"a": 1.0, "b": 1.0})
    assert verdict([], ["a"], ALPHA).leader is None
    assert verdict([], ["a", "b"], ALPHA).e_values == {"a": 1.0, "b": 1.0}


def test_while_one_serves_alone_nothing_is_bet() -> None:
    both = Batch({"a": (400, 200.0), "b": (400, 160.0)}, {"a": 0.5, "b": 0.5})
    alone = Batch({"a": (900, 450.0)}, {"a": 1.0})
    for names in ("ab", "ba"):
        without, found = (verdict(batches, names, ALPHA) for batches in ([both, both], [both, *[alone] * 20]))
        assert found.e_values == pytest.approx(verdict([both], names, ALPHA).e_values)
        again = verdict([both, *[alone] * 20, both], names, ALPHA)
        assert again.leader == without.leader == "a"


def test_a_variant_that_joins_late_is_compared_from_then_on() -> None:
    before = Batch({"a": (1000, 300.0), "b": (1000, 200.0)}, {"a": 0.5, "b": 0.5})
    after = Batch({"a": (500, 150.0), "b": (500, 100.0), "c": (500, 300.0)}, {"a": 0.34, "b": 0.33, "c": 0.33})
    alone = verdict([before] * 4, ["a", "b"], ALPHA)
    joined = verdict([before] * 4, ["a", "b", "c"], ALPHA)
    assert joined.e_values["b"] == pytest.approx(alone.e_values["b"])
    assert joined.e_values["c"] == pytest.approx(1)
    assert joined.leader is None
    assert verdict([*[before] * 4, *[after] * 2], ["a", "b", "c"], ALPHA).refuted == {"a", "b"}


def test_e_values_stay_finite() -> None:
    interval: dict[str, Trials] = {"a": (10**6, 10.0**6), "b": (10**6, 0.0)}
    test = verdict(even(*[interval] * 3), ["a", "b"], ALPHA)
    assert test.e_values["b"] == pytest.approx(1e100)


def test_a_champion_and_its_equals_are_equivalent() -> None:
    interval: dict[str, Trials] = {"a": (4000, 2000.0), "b": (4000, 2010.0), "c": (4000, 1990.0)}
    batches = even(*[interval] * 3)
    assert verdict(batches, ["a", "b", "c"], ALPHA, margin=0.1).equivalent
    assert not verdict(batches, ["a", "b", "c"], ALPHA, margin=0.001).equivalent
    assert not verdict(batches, ["a", "b", "c"], ALPHA).equivalent
    without = even(*[{name: interval[name] for name in "ab"}] * 3)
    assert not verdict(without, ["a", "b", "c"], ALPHA, margin=0.1).equivalent
    assert not verdict(batches, ["a"], ALPHA, margin=0.1).equivalent


def test_only_the_first_of_winner_and_equivalence_stands() -> None:
    close: dict[str, Trials] = {"a": (4000, 2000.0), "b": (4000, 2000.0)}
    clear: dict[str, Trials] = {"a": (4000, 1000.0), "b": (4000, 3000.0)}
    early = verdict(even(*[close] * 3 + [clear] * 3), ["a", "b"], ALPHA, margin=0.1)
    assert (early.leader, early.equivalent) == (None, True)
    late = verdict(even(*[clear] * 3 + [close] * 99), ["a", "b"], ALPHA, margin=0.1)
    assert (late.leader, late.equivalent) == ("b", False)


def test_the_better_arm_is_worth_its_cost() -> None:
    interval: dict[str, Trials] = {"a": (4000, 2000.0), "b": (4000, 2400.0)}
    batches = even(*[interval] * 3)
    for cost, leader in ((0.0, "b"), (0.05, "b"), (0.1, None), (0.2, "a")):
        assert verdict(batches, ["a", "b"], ALPHA, costs={"a": 0.0, "b": cost}).leader == leader
    assert verdict(batches, ["a", "b"], ALPHA, margin=0.03, costs={"a": 0.0, "b": 0.1}).equivalent


def test_a_difference_beyond_one_is_cut() -> None:
    """Costs of 1 and 0, and a margin: what no means can differ by is no question."""
    interval: dict[str, Trials] = {"a": (400, 400.0), "b": (400, 0.0)}
    batches = even(*[interval] * 3)
    found = verdict(batches, ["a", "b"], ALPHA, margin=0.5, costs={"a": 1.0, "b": 0.0})
    assert (found.leader, found.equivalent) == (None, True)  # each is worth 0
    found = verdict(batches, ["a", "b"], ALPHA, margin=0.5, costs={"a": 0.0, "b": 1.0})
    assert (found.leader, found.equivalent) == ("a", False)


def test_what_must_be_reached() -> None:
    assert math.fsum(WEIGHTS) == pytest.approx(1)
    assert [threshold_of(arms, ALPHA) for arms in (1, 2, 5)] == pytest.approx([NEEDED] * 3)
    assert [threshold_of(arms, ALPHA, 0.1) for arms in (2, 5)] == pytest.approx([NEEDED, 2 * NEEDED])
    assert threshold_of(2, ALPHA, leaves=1) == pytest.approx(400)
    assert math.fsum(part_of_alpha(leaves) for leaves in range(60)) == pytest.approx(1)


@pytest.mark.parametrize("alpha", [0, 1, -1, float("nan")])
def test_alpha_is_checked(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha: "):
        verdict([], ["a", "b"], alpha)


def test_a_variant_that_a_batch_does_not_hold_has_no_users_and_no_reward_there() -> None:
    held = [Batch({"a": (40, 20.0)}, {"a": 0.5, "b": 0.5})]
    users, rewards, shares = arrays_of(held, ["a", "b"])
    assert (users.tolist(), rewards.tolist(), shares.tolist()) == ([[40, 0]], [[20, 0]], [[0.5, 0.5]])
