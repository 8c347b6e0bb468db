import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from abtest.experiment.allocation.adaptive_filter import COMPONENTS, Mixture
from abtest.experiment.allocation.adaptive_outlook import _polygamma, information_directed, outlook
from abtest.experiment.allocation.posterior import probability_best


def mixture_of(arms: list[list[tuple[float, float, float]]]) -> Mixture:
    """One run; of each arm its components: weight and Beta parameters."""
    weight, a, b = np.zeros((1, len(arms), COMPONENTS)), *np.ones((2, 1, len(arms), COMPONENTS))
    for arm, components in enumerate(arms):
        for index, (share, alpha, beta) in enumerate(components):
            weight[0, arm, index], a[0, arm, index], b[0, arm, index] = share, alpha, beta
    with np.errstate(divide="ignore"):
        return Mixture(np.log(weight), a, b, np.zeros_like(a), np.zeros_like(a))


@given(st.lists(st.tuples(st.integers(1000, 10**6), st.floats(0.05, 0.95)), min_size=2, max_size=6))
@settings(max_examples=40)
def test_single_components_have_the_exact_probability_best(arms: list[tuple[int, float]]) -> None:
    """Normal on the logit scale is near a Beta of many trials."""
    counts = [(float(n), n * rate) for n, rate in arms]
    seen = outlook(mixture_of([[(1.0, 1 + s, 1 + n - s)] for n, s in counts]))
    assert seen.best[0] == pytest.approx(probability_best(counts), abs=0.02)


def test_mixtures_agree_with_draws() -> None:
    arms = [[(0.9, 40.0, 960.0), (0.1, 4.0, 46.0)], [(1.0, 250.0, 4750.0)], [(0.5, 30.0, 470.0), (0.5, 20.0, 480.0)]]
    rng = np.random.default_rng(1)
    count = 400_000
    draws = np.empty((len(arms), count))
    for arm, components in enumerate(arms):
        chosen = rng.choice(len(components), count, p=[share for share, _, _ in components])
        a, b = np.array([component[1:] for component in components]).T
        draws[arm] = rng.beta(a[chosen], b[chosen])
    winner = draws.argmax(axis=0)
    best = np.bincount(winner, minlength=3) / count
    given_winner = np.array([[draws[arm, winner == won].mean() for arm in range(3)] for won in range(3)])
    information = best @ (given_winner - draws.mean(axis=1)) ** 2
    seen = outlook(mixture_of(arms))
    assert seen.best[0] == pytest.approx(best, abs=0.02)
    assert seen.regret[0] == pytest.approx(draws.max(axis=0).mean() - draws.mean(axis=1), rel=0.05)
    assert seen.information[0] == pytest.approx(information, rel=0.1)


@given(st.lists(st.tuples(st.floats(1e-6, 1), st.floats(0, 1)), min_size=2, max_size=5))
@settings(max_examples=60)
def test_no_other_pair_has_a_lower_information_ratio(arms: list[tuple[float, float]]) -> None:
    regret, information = np.array([arms]).transpose(2, 0, 1)
    shares = information_directed(regret, information)[0]
    assert shares.sum() == pytest.approx(1)
    ratio = (shares @ regret[0]) ** 2 / max(shares @ information[0], 1e-300)
    for first in range(len(arms)):
        for second in range(len(arms)):
            for part in np.linspace(0, 1, 21):
                d = part * regret[0, first] + (1 - part) * regret[0, second]
                v = part * information[0, first] + (1 - part) * information[0, second]
                assert ratio <= d**2 / max(v, 1e-300) * (1 + 1e-9)


@given(st.floats(1, 1e6))
def test_the_series_are_those_of_digamma_and_trigamma(x: float) -> None:
    found = _polygamma(np.array([x]))
    assert found[0][0] == pytest.approx(special.digamma(x), abs=1e-7)
    assert found[1][0] == pytest.approx(special.polygamma(1, x), rel=1e-6)
