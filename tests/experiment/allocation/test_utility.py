"""Rewards to utility: in 0..1, linear, and differences that mean what they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.allocation.posterior import checked_counts
from abtest.experiment.allocation.utility import utility
from abtest.experiment.record.variants import Trials

ARMS = st.lists(
    st.tuples(st.floats(0, 1e7), st.floats(0, 1), st.floats(0, 1)).map(lambda arm: ((arm[0], arm[0] * arm[1]), arm[2])),
    min_size=1,
    max_size=5,
)


def test_without_costs_to_maximize_nothing_changes() -> None:
    counts: list[Trials] = [(10, 3.5), (0, 0.0)]
    assert utility(counts) == counts
    assert utility(counts, costs=[0.0, 0.0]) == counts


def test_what_is_minimized_counts_reversed() -> None:
    assert utility([(10, 4.0), (10, 0.0)], objective="minimize") == [(10, 6.0), (10, 10.0)]


def test_costs_are_taken_off() -> None:
    """A reward of .5 for .2 and one of .3 for nothing are worth the same."""
    dear, free = utility([(10, 5.0), (10, 3.0)], costs=[0.2, 0.0])
    assert dear == pytest.approx(free)
    assert free[1] == pytest.approx(10 * (0.3 + 0.2) / 1.2)
    dear, free = utility([(10, 5.0), (10, 7.0)], objective="minimize", costs=[0.2, 0.0])
    assert dear == pytest.approx(free)


@given(ARMS, st.sampled_from(["maximize", "minimize"]))
def test_utility_is_from_0_to_1_and_keeps_differences(arms: list[tuple[Trials, float]], objective: str) -> None:
    counts, costs = [arm for arm, _ in arms], [cost for _, cost in arms]
    found = utility(counts, objective=objective, costs=costs)
    checked_counts(found)
    sign = -1 if objective == "minimize" else 1
    for ((n, s), cost), (m, u) in zip(arms, found, strict=True):
        assert m == n
        offset = (objective == "minimize") * n + (max(costs) - cost) * n
        assert u * (1 + max(costs)) == pytest.approx(sign * s + offset, abs=1e-6)


@given(ARMS, st.sampled_from(["maximize", "minimize"]))
def test_sums_may_be_taken_before_or_after(arms: list[tuple[Trials, float]], objective: str) -> None:
    counts, costs = [arm for arm, _ in arms], [cost for _, cost in arms]
    twice = utility([(2 * n, 2 * s) for n, s in counts], objective=objective, costs=costs)
    once = utility(counts, objective=objective, costs=costs)
    assert [u for _, u in twice] == pytest.approx([2 * u for _, u in once], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "more"}, "^objective: must be maximize or minimize, not 'more'"),
        ({"costs": [0.1]}, "^costs: must be one for each of 2 arms, not 1"),
        ({"costs": [0.1, -0.1]}, "^costs: must be from 0 to 1"),
        ({"costs": [0.1, float("nan")]}, "^costs: must be from 0 to 1"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        utility([(1, 0.0), (1, 1.0)], **settings)  # type: ignore[arg-type]
