"""Off-policy estimates against hand-made numbers, and against the truth while the logging policy moves."""

import dataclasses
import math
import random
import statistics
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from abtest.experiment.allocation.strategies import traffic_shares
from abtest.experiment.replay.off_policy import Cohort, Evaluation, UnidentifiedError, ValueEstimate, evaluate

ESTIMATES = ("ipw", "self_normalised_ipw", "doubly_robust")
Counts = list[tuple[float, float]]
Rates = Callable[[int], Sequence[float]]
Target = Callable[[Counts], Sequence[float]]


def cohort(logged: Sequence[float], target: Sequence[float], users: Sequence[int], reward: Sequence[float]) -> Cohort:
    """Of rewards 0 and 1."""
    return Cohort(tuple(logged), tuple(target), tuple(users), tuple(reward), tuple(reward))


def test_one_cohort_by_hand() -> None:
    found = evaluate([cohort([0.8, 0.2], [0.5, 0.5], [7, 3], [2.0, 1.0])])
    weights, earned = 7 * 0.625 + 3 * 2.5, 2 * 0.625 + 1 * 2.5
    assert found.users == 10
    assert found.logged.value == pytest.approx(0.3)
    assert found.ipw.value == pytest.approx(earned / 10)
    assert found.self_normalised_ipw.value == pytest.approx(earned / weights)
    # The model of the first cohort is 0.5 for both arms.
    assert found.doubly_robust.value == pytest.approx(0.5 + (0.625 * (2 - 3.5) + 2.5 * (1 - 1.5)) / 10)
    assert found.difference.value == pytest.approx((-0.375 * (2 - 3.5) + 1.5 * (1 - 1.5)) / 10)
    assert found.effective_users == pytest.approx(weights**2 / (7 * 0.625**2 + 3 * 2.5**2))
    assert found.largest_weight == pytest.approx(2.5)
    assert found.mean_weight == pytest.approx(weights / 10)
    assert found.unknown_share == 0


def test_the_logged_shares_as_target_give_what_was_logged() -> None:
    found = evaluate([cohort([0.8, 0.2], [0.8, 0.2], [70, 30], [20.0, 10.0])] * 3)
    assert [getattr(found, name).value for name in ("ipw", "self_normalised_ipw")] == pytest.approx([0.3, 0.3])
    assert found.doubly_robust.value == pytest.approx(0.3, abs=0.01)
    # The weights are 1: nothing is to be estimated but what is known.
    assert (found.difference.lower, found.difference.upper) == pytest.approx((0, 0), abs=0.01)
    assert found.effective_users == pytest.approx(300)


def test_what_the_logged_shares_made_impossible_widens_the_interval_by_its_share() -> None:
    possible = cohort([0.5, 0.5], [1.0, 0.0], [50, 50], [5.0, 10.0])
    committed = cohort([1.0, 0.0], [0.9, 0.1], [100, 0], [10.0, 0.0])
    certain = dataclasses.replace(committed, target=(1.0, 0.0))
    part, whole = evaluate([possible, committed]), evaluate([possible, certain])
    assert part.unknown_share == pytest.approx(0.05)
    assert part.doubly_robust.upper - part.doubly_robust.lower > (
        whole.doubly_robust.upper - whole.doubly_robust.lower + 0.04
    )
    assert part.doubly_robust.value > part.ipw.value  # IPW puts 0 where the model puts a mean


def test_draws_that_contradict_the_shares_are_refused() -> None:
    with pytest.raises(UnidentifiedError, match="contradict"):
        evaluate([cohort([0.25, 0.75], [0.75, 0.25], [40, 0], [0.0, 0.0])])


def test_a_variant_that_was_never_possible_is_refused() -> None:
    with pytest.raises(UnidentifiedError, match="arm 1"):
        evaluate([cohort([1.0, 0.0], [0.5, 0.5], [10, 0], [1.0, 0.0])])
    with pytest.raises(UnidentifiedError, match="no user"):
        evaluate([cohort([0.9, 0.1], [0.0, 1.0], [10, 0], [1.0, 0.0])])
    with pytest.raises(UnidentifiedError, match="no user"):
        evaluate([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": (0.5, 0.4)}, "sum to 1"),
        ({"logged": (0.8, 0.4)}, "sum to 1"),
        ({"logged": (-0.1, 1.0)}, "from 0 to 1"),
        ({"logged": (1.0, 0.0)}, "share was 0"),
        ({"reward_sum": (8.0, 1.0)}, "cannot have"),
        ({"square_sum": (3.0, 1.0)}, "cannot have"),
        ({"users": (1,)}, "one value for each arm"),
    ],
)
def test_cohorts_that_cannot_be(changes: dict[str, tuple[float, ...]], message: str) -> None:
    right = cohort([0.8, 0.2], [0.5, 0.5], [7, 3], [2.0, 1.0])
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(right, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_confidence_out_of_range(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        evaluate([cohort([0.5, 0.5], [1.0, 0.0], [5, 5], [1.0, 1.0])], confidence=confidence)


@st.composite
def cohorts(draw: st.DrawFn) -> list[Cohort]:
    arms = draw(st.integers(2, 4))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        shares = [
            [part / sum(parts) for part in parts]
            for parts in (draw(st.lists(st.integers(1, 9), min_size=arms, max_size=arms)) for _ in range(2))
        ]
        users = draw(st.lists(st.integers(0, 50), min_size=arms, max_size=arms))
        reward = [float(draw(st.integers(0, n))) for n in users]
        made.append(cohort(shares[0], shares[1], users, reward))
    return made


@given(cohorts().filter(lambda made: any(one.size for one in made)))
@settings(max_examples=20)
def test_limits_are_in_range_and_the_order_of_arms_does_not_matter(made: list[Cohort]) -> None:
    try:
        found = evaluate(made)
    except UnidentifiedError:
        reject()  # draws that the shares make next to impossible
    for name in ESTIMATES:
        estimate: ValueEstimate = getattr(found, name)
        assert 0 <= estimate.lower < estimate.upper <= 1
    assert -1 <= found.difference.lower < found.difference.upper <= 1
    assert 0 < found.effective_users <= found.users + 1e-9
    turned = [Cohort(*(tuple(reversed(getattr(c, f.name))) for f in dataclasses.fields(c))) for c in made]
    again = evaluate(turned)
    for name in (*ESTIMATES, "difference"):
        assert dataclasses.astuple(getattr(again, name)) == pytest.approx(dataclasses.astuple(getattr(found, name)))


def logged_by_thompson(
    seed: int, rates: Rates, target: Target, *, intervals: int, users: int
) -> tuple[list[Cohort], float]:
    """An experiment that Thompson sampling ran, with a floor of 2 %; and the target's true value on it."""
    source, counts, made, truths = random.Random(seed), [(0.0, 0.0)] * len(rates(0)), [], []
    for interval in range(intervals):
        logged = traffic_shares(counts, strategy="ThompsonSampling", floor=0.02)
        wanted = target(counts)
        drawn, reward = [0] * len(counts), [0.0] * len(counts)
        for arm in source.choices(range(len(counts)), logged, k=users):
            drawn[arm] += 1
            reward[arm] += source.random() < rates(interval)[arm]
        made.append(cohort(logged, wanted, drawn, reward))
        counts = [(n + d, s + r) for (n, s), d, r in zip(counts, drawn, reward, strict=True)]
        truths.append(math.fsum(q * rate for q, rate in zip(wanted, rates(interval), strict=True)))
    return made, statistics.fmean(truths)


def greedy(counts: Counts) -> Sequence[float]:
    return traffic_shares(counts, strategy="EpsilonGreedy")


# What drifts, drifts against the share that the logging policy gives.
SCENARIOS: dict[str, tuple[Rates, Target]] = {
    "all to the worse variant": (lambda _: (0.04, 0.05), lambda _: (1.0, 0.0)),
    "all to the better variant": (lambda _: (0.04, 0.05), lambda _: (0.0, 1.0)),
    "a strategy that moves": (lambda _: (0.65, 0.67), greedy),
    "three variants, a strategy": (lambda _: (0.1, 0.12, 0.2), greedy),
    "rates that swap, an equal split": (lambda i: (0.1, 0.2) if i < 10 else (0.3, 0.1), lambda _: (0.5, 0.5)),
    "rates that swap, a strategy": (lambda i: (0.1, 0.2) if i < 10 else (0.3, 0.1), greedy),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_estimates_are_right_and_intervals_cover_while_the_logging_policy_moves(name: str) -> None:
    rates, target = SCENARIOS[name]
    runs = 60
    errors: dict[str, list[float]] = {estimate: [] for estimate in ESTIMATES}
    missed, by_quarter = dict.fromkeys(ESTIMATES, 0), 0
    for seed in range(runs):
        made, truth = logged_by_thompson(seed, rates, target, intervals=20, users=100)
        found = evaluate(made)
        for estimate in ESTIMATES:
            guess: ValueEstimate = getattr(found, estimate)
            errors[estimate].append(guess.value - truth)
            missed[estimate] += not guess.lower <= truth <= guess.upper
        by_quarter += abs(guess.value - truth) > (guess.upper - guess.lower) / 8
    for estimate in ("ipw", "doubly_robust"):
        standard_error = statistics.stdev(errors[estimate]) / math.sqrt(runs)
        assert abs(statistics.fmean(errors[estimate])) < 3.5 * standard_error
    assert abs(statistics.fmean(errors["self_normalised_ipw"])) < 0.01  # biased of order 1 / effective users
    assert max(missed.values()) <= 3  # 5 % at most, at any look
    assert by_quarter > 3  # so this can fail: an interval of a quarter of the width errs too often


@pytest.mark.slow
def test_the_mean_of_each_variant_does_not_do() -> None:
    """The check above can fail: the worse variant's own mean is biased, as it is dropped after bad luck."""
    errors = []
    for seed in range(250):
        made, truth = logged_by_thompson(seed, lambda _: (0.2, 0.2), lambda _: (1.0, 0.0), intervals=10, users=20)
        users, reward = sum(c.users[0] for c in made), sum(c.reward_sum[0] for c in made)
        errors.append(reward / users - truth)
    assert statistics.fmean(errors) < -3.5 * statistics.stdev(errors) / math.sqrt(len(errors))


def looks(made: list[Cohort]) -> list[Evaluation]:
    return [evaluate(made[:end], confidence=0.8) for end in range(2, len(made) + 1)]


@pytest.mark.slow
def test_an_interval_holds_however_often_one_looks() -> None:
    """At 80 % confidence, with a look after every interval, the truth is outside in at most a fifth of the runs."""
    missed = 0
    for seed in range(40):
        made, truth = logged_by_thompson(seed, lambda _: (0.3, 0.5), lambda _: (1.0, 0.0), intervals=12, users=40)
        missed += any(not e.doubly_robust.lower <= truth <= e.doubly_robust.upper for e in looks(made))
    assert missed <= 8


def test_intervals_shrink_to_something_useful() -> None:
    """10,000 users at 10 % and 12 % under an even split: the half-width is at most four standard errors."""
    source = random.Random(5)
    made = []
    for _ in range(50):
        reward = [float(sum(source.random() < rate for _ in range(100))) for rate in (0.1, 0.12)]
        made.append(cohort([0.5, 0.5], [0.0, 1.0], [100, 100], reward))
    found = evaluate(made)
    standard_error = math.sqrt(2 * 0.12 * 0.88 / 10_000)
    assert (found.doubly_robust.upper - found.doubly_robust.lower) / 2 < 4 * standard_error
    assert found.difference.lower > -0.01
    widths = [
        estimate.upper - estimate.lower for estimate in (found.doubly_robust, found.self_normalised_ipw, found.ipw)
    ]
    assert widths[0] <= widths[2]
    assert widths[1] <= widths[2]
