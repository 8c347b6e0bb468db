import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.evidence.e_values import LARGEST
from abtest.experiment.evidence.sample_ratio import FACTORS, sample_ratio

NAMES = ("Champion1", "Challenger1", "Challenger2")
NEEDED = 100


def interval(users: tuple[int, ...], shares: tuple[float, ...]) -> NewUsers:
    """As counted: a variant that nobody got is not known."""
    got = [(name, n, p) for name, n, p in zip(NAMES, users, shares, strict=False) if n]
    return NewUsers({name: n for name, n, _ in got}, {name: p for name, _, p in got})


def test_before_the_first_user_nothing_is_said() -> None:
    assert sample_ratio([], NAMES).e_value == 1


def test_one_user_speaks_as_the_formula_says() -> None:
    found = sample_ratio([interval((1, 0), (0.3, 0.7))], NAMES[:2])
    ratios = [np.exp(b) / (0.7 + 0.3 * np.exp(b)) for b in FACTORS]
    others = [1 / (0.3 + 0.7 * np.exp(b)) for b in FACTORS]
    assert found.e_value == pytest.approx(np.mean(ratios + others))


def test_each_interval_is_held_against_its_own_shares() -> None:
    """That 60 % of all users got the champion is no mismatch if first 90 % and then 30 % had to."""
    right = [interval((900, 100), (0.9, 0.1)), interval((300, 700), (0.3, 0.7))]
    assert sample_ratio(right, NAMES[:2]).e_value < 2
    wrong = sample_ratio([interval((600, 400), (0.9, 0.1)), interval((600, 400), (0.3, 0.7))], NAMES[:2])
    assert wrong.e_value > NEEDED


def test_the_figures_are_those_of_the_strongest_evidence() -> None:
    """A later surplus evens the total out, and takes nothing back."""
    found = sample_ratio([interval((500, 500), (0.1, 0.9)), interval((500, 500), (0.9, 0.1))], NAMES[:2])
    assert (found.users, found.total) == (500, 1000)
    assert abs(found.expected - 500) == pytest.approx(400)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_variant_that_never_gets_anybody_is_seen(missing: int) -> None:
    users = tuple(0 if index == missing else 100 for index in range(3))
    found = sample_ratio([interval(users, (1 / 3, 1 / 3, 1 / 3))], NAMES)
    assert found.variant_name == NAMES[missing]
    assert found.e_value > NEEDED
    assert found.expected == pytest.approx(200 / 3)


def test_what_was_once_wrong_stays_said() -> None:
    wrong, right = interval((100, 200), (0.5, 0.5)), interval((1000, 1000), (0.5, 0.5))
    found = sample_ratio([wrong, right, right, right, right], NAMES[:2])
    assert found.e_value == sample_ratio([wrong], NAMES[:2]).e_value > NEEDED


def test_a_huge_mismatch_is_still_a_number() -> None:
    assert sample_ratio([interval((10_000_000, 0), (0.5, 0.5))], NAMES[:2]).e_value == pytest.approx(LARGEST)
    assert sample_ratio([interval((10, 100), (0.0, 1.0))], NAMES[:2]).e_value > NEEDED  # drawn with a share of 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0.05, 0.9)), min_size=1, max_size=6))
def test_unknown_shares_never_add_evidence(rows: list[tuple[int, int, float]]) -> None:
    """Two variants that nobody got share a rest whose parts are not known: whatever they are, e is no greater."""
    seen = [(n, m, p) for n, m, p in rows if n + m]
    unknown = [NewUsers({"Champion1": n + m}, {"Champion1": p}) for n, m, p in seen]
    for part in (0.0, 0.3, 1.0):
        shares = [{NAMES[0]: p, NAMES[1]: (1 - p) * part, NAMES[2]: (1 - p) * (1 - part)} for _, _, p in seen]
        known = [NewUsers({"Champion1": n + m}, share) for (n, m, _), share in zip(seen, shares, strict=True)]
        assert sample_ratio(unknown, NAMES).e_value <= sample_ratio(known, NAMES).e_value * (1 + 1e-9)


def simulated(rng: np.random.Generator, kept: tuple[float, ...], looks: int = 60, users: int = 100) -> float:
    """The highest e-value where the shares follow the draws, and each variant keeps the part `kept` of its users."""
    arms = len(kept)
    shares, total, intervals = np.full(arms, 1 / arms), np.ones(arms), []
    for _ in range(looks):
        drawn = rng.multinomial(users, shares)
        intervals.append(interval(tuple(map(int, rng.binomial(drawn, kept))), tuple(map(float, shares))))
        total += drawn
        shares = rng.dirichlet(total / total.sum() * 5)  # restless, and dependent on the past
    return sample_ratio(intervals, NAMES[:arms]).e_value


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3])
def test_healthy_experiments_are_called_mismatched_in_at_most_1_percent(arms: int) -> None:
    rng = np.random.default_rng(20_260_101)
    fired = [simulated(rng, (1.0,) * arms) >= NEEDED for _ in range(600)]
    assert np.mean(fired) <= 0.01


def test_a_fifth_of_a_variants_users_lost_is_found() -> None:
    rng = np.random.default_rng(7)
    found = [simulated(rng, (1.0, 0.8)) >= NEEDED for _ in range(20)]
    assert np.mean(found) >= 0.9
