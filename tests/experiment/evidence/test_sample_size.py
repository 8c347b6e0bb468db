"""Sample sizes agree with published figures and exact sums; the sequential ones with the test that they plan for."""

import math

import pytest
from scipy import stats

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence import sample_size
from abtest.experiment.evidence.betting import BestTest
from abtest.experiment.evidence.sample_size import Durations, Question, fixed_horizon, sequential
from abtest.experiment.evidence.stopping import Batch, verdict

FIVE_PERCENT = Question(baseline=0.04, effect=0.01)


@pytest.mark.parametrize(
    ("question", "power", "each"),
    [
        # Google Analytics, "Multi-armed bandit experiments": 22,330 observations in two arms, 223 days at 100 a day.
        (FIVE_PERCENT, 0.95, 11_166),
        # The same with six arms by Bonferroni: 15,307 each, 919 days.
        (Question(0.04, 0.01, arms=6), 0.95, 15_308),
        # R's example of power.prop.test: n = 76.7.
        (Question(0.5, 0.25), 0.9, 77),
    ],
)
def test_published_figures(question: Question, power: float, each: int) -> None:
    assert fixed_horizon(question, power) == each
    lower = Question(1 - question.baseline, -question.effect, question.alpha, question.arms)
    assert fixed_horizon(lower, power) == each


@pytest.mark.parametrize(
    ("question", "power"), [(FIVE_PERCENT, 0.8), (Question(0.3, 0.05, 0.01), 0.9), (Question(0.2, -0.05), 0.5)]
)
def test_the_power_is_had(question: Question, power: float) -> None:
    """The z-test of SciPy's normal distribution on SciPy's binomials: exact, summed over the outcomes that matter."""
    n = fixed_horizon(question, power)
    found = 0.0
    p, q = question.baseline, question.baseline + question.effect
    one, other = stats.binom(n, p), stats.binom(n, q)
    needed = stats.norm.isf(question.alpha / 2)
    for k in range(int(one.ppf(1e-9)), int(one.ppf(1 - 1e-9)) + 1):
        spread = range(int(other.ppf(1e-9)), int(other.ppf(1 - 1e-9)) + 1)
        rejected = [j for j in spread if abs(j - k) > needed * math.sqrt((j + k) * (1 - (j + k) / (2 * n)))]
        found += float(one.pmf(k)) * float(other.pmf(rejected).sum())
    assert found == pytest.approx(power, abs=0.015)


def test_durations() -> None:
    durations = Durations.of([30.0, 10.0, 20.0, 40.0, math.inf])
    assert (durations.within(0.2), durations.within(0.8), durations.within(0.81)) == (10.0, 40.0, math.inf)
    assert durations.mean == durations.standard_error == math.inf
    assert Durations.of([1.0, 3.0]).standard_error == pytest.approx(1.0)


def test_the_duration_is_that_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """With three arms: the first look at which `verdict`, asked after every one, names the best."""
    question = Question(0.2, 0.2, arms=3)
    looks: list[tuple[Floats, ...]] = []
    original = BestTest.add

    def add(self: BestTest, *cells: Floats) -> Floats:
        looks.append(tuple(each[0] for each in cells))
        return original(self, *cells)

    monkeypatch.setattr(BestTest, "add", add)
    durations, names = list(sequential(question, floor=0.2, runs=5, seed=2)), ["0", "1", "2"]
    monkeypatch.undo()
    users = int(looks[0][0][0].sum())
    for run, duration in enumerate(durations):
        batches = [
            Batch(
                {name: (int(n), float(s)) for name, n, s in zip(names, look[0][run], look[1][run], strict=True)},
                dict(zip(names, look[2][run].tolist(), strict=True)),
            )
            for look in looks
        ]
        needed = round(duration / users)
        assert duration == needed * users
        assert verdict(batches[:needed], names, question.alpha).leader == "0"
        assert verdict(batches[: needed - 1], names, question.alpha).leader is None


def test_what_makes_it_longer() -> None:
    def mean(question: Question, floor: float | None = None) -> float:
        return Durations.of(sequential(question, floor=floor, runs=30)).mean

    clear = mean(Question(0.2, 0.1))
    assert 2.5 * clear < mean(Question(0.2, 0.05)) < 6 * clear  # 4 times, were the spread the same
    assert mean(Question(0.2, 0.1), floor=0.05) > 3 * clear
    assert mean(Question(0.2, 0.1, alpha=0.01)) > 1.1 * clear
    assert mean(Question(0.2, 0.1, arms=4)) > 1.5 * clear
    assert mean(Question(0.8, -0.1)) == clear
    assert mean(Question(0.2, 0.1), floor=0.5) == clear


def test_a_seed_repeats_and_runs_only_add() -> None:
    few, many = (list(sequential(Question(0.2, 0.2), runs=runs, seed=3)) for runs in (5, 10))
    assert few == many[:5]
    assert list(sequential(Question(0.2, 0.2), runs=5, seed=4)) != few


def test_a_run_can_be_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_size, "MOST_LOOKS", 1)
    assert Durations.of(sequential(FIVE_PERCENT, runs=2)).within(0.5) == math.inf


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"baseline": 0.0}, "baseline: must be between 0 and 1, not 0"),
        ({"baseline": math.nan}, "baseline: must be between 0 and 1, not nan"),
        ({"effect": 0.0}, "effect: must not be 0 or take the rate to 0.04"),
        ({"effect": 0.96}, "effect: must not be 0 or take the rate to 1"),
        ({"effect": -0.04}, "effect: must not be 0 or take the rate to 0"),
        ({"alpha": 0.0}, "alpha: must be between 0 and 1, not 0"),
        ({"arms": 1}, "arms: must be 2 or more, not 1"),
    ],
)
def test_bad_questions_are_named(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Question(**{"baseline": 0.04, "effect": 0.01} | values)  # type: ignore[arg-type]


@pytest.mark.parametrize("power", [0.0, 0.05, 1.0, math.nan])
def test_a_power_out_of_range_is_named(power: float) -> None:
    with pytest.raises(ValueError, match=r"power: must be between 0\.05 and 1"):
        fixed_horizon(FIVE_PERCENT, power)


@pytest.mark.parametrize("floor", [0.0, 0.51, math.nan])
def test_a_floor_out_of_range_is_named(floor: float) -> None:
    with pytest.raises(ValueError, match="floor: must be above 0 and at most 1/2"):
        sequential(FIVE_PERCENT, floor=floor)
