import math
from collections.abc import Callable

import numpy as np
import pytest

from abtest.experiment.evidence.confidence import Stratum
from abtest.experiment.evidence.drift import TREND, drift
from abtest.experiment.evidence.health import DRIFT_ALPHA

NEEDED = 1 / DRIFT_ALPHA


def even(gap: float, users: int = 1000, base: float = 0.1) -> Stratum:
    return (users, users * (base + gap)), (users, users * base)


@pytest.mark.parametrize(
    "batches",
    [
        [],
        [even(0.05)],
        [((100, 9.0), (100, 10.0)), ((100, 0.0), (100, 0.0))],  # 19 rewards
        [((100, 91.0), (100, 90.0)), ((100, 100.0), (100, 100.0))],  # 19 rewards missed
    ],
)
def test_too_little_to_compare(batches: list[Stratum]) -> None:
    assert drift(batches) is None


def test_the_halves_are_halves_of_the_users() -> None:
    found = drift([even(0.02, 100), even(0.02, 100), even(0.01, 200), even(0.0, 400)])
    assert found is not None
    assert found.early == pytest.approx((0.02 * 200 + 0.01 * 200) / 400)
    assert found.late == pytest.approx(0)


def test_two_batches_give_the_bayes_factor_of_the_formula() -> None:
    found = drift([even(0.04), even(0.0)])
    gap, x = -0.04, math.log(3000 / 1000)  # middles at 1,000 and 3,000 users
    weight, variance = 500, 0.11 * 0.89
    spread = 2 * weight * (x / 2) ** 2
    r = TREND**2 * spread
    assert found is not None
    expected = math.exp((gap / x) ** 2 * spread / variance * r / (2 * (1 + r))) / math.sqrt(1 + r)
    assert found.e_value == pytest.approx(expected)


def test_a_change_that_is_everybodys_is_none() -> None:
    steady = drift([even(0.02, base=0.1 + 0.02 * t) for t in range(10)])
    falling = drift([even(0.05 - 0.005 * t) for t in range(10)])
    assert steady is not None
    assert steady.e_value < 1
    assert falling is not None
    assert falling.e_value > steady.e_value


def test_a_single_first_batch_larger_than_all_others_is_the_early_half() -> None:
    found = drift([even(0.05, 5000), even(0.01, 100), even(0.01, 100)])
    assert found is not None
    assert found.early == pytest.approx(0.05)
    assert found.late == pytest.approx(0.01)


def ever_fires(
    rng: np.random.Generator,
    rates: Callable[[int], tuple[float, float]],
    users: int,
    *,
    adaptive: bool,
    looks: int = 60,
) -> bool:
    """Whether drift shows at any look; shares are equal, or Thompson's from what was earned so far."""
    trials, earned, batches = np.zeros(2), np.zeros(2), list[Stratum]()
    for look in range(looks):
        drawn = rng.beta(1 + earned, 1 + trials - earned, size=(200, 2))
        first = rng.binomial(users, float((drawn[:, 0] > drawn[:, 1]).mean()) if adaptive else 0.5)
        n = np.array([first, users - first])
        reward = rng.binomial(n, rates(look))
        trials, earned = trials + n, earned + reward
        if n.all():
            batches.append(((int(n[0]), float(reward[0])), (int(n[1]), float(reward[1]))))
        found = drift(batches)
        if found is not None and found.e_value >= NEEDED:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.04, 0.05), (0.01, 0.01), (0.67, 0.65)])
@pytest.mark.parametrize("adaptive", [False, True])
def test_rates_that_stay_are_said_to_drift_in_at_most_5_percent(rates: tuple[float, float], adaptive: bool) -> None:
    """Over 60 looks, also under shares that follow the rewards, with days of the week that move all rates alike."""
    rng = np.random.default_rng(20_260_101)

    def weekly(look: int) -> tuple[float, float]:
        tide = 0.3 * min(rates) * math.sin(2 * math.pi * look / 7)
        return rates[0] + tide, rates[1] + tide

    fired = [ever_fires(rng, weekly, users, adaptive=adaptive) for users in (100, 1000) for _ in range(80)]
    assert np.mean(fired) <= 0.05


def test_a_novelty_that_wears_off_is_found() -> None:
    rng = np.random.default_rng(11)
    fired = [
        ever_fires(rng, lambda look: (0.04 + 0.03 * math.exp(-look / 10), 0.04), 2000, adaptive=False)
        for _ in range(20)
    ]
    assert np.mean(fired) >= 0.9
