"""A planned experiment as a scenario: intervals, delays, the window."""

from typing import Any

import pytest

from abtest.experiment.simulation.forecast import PlannedExperiment, seen_after


def plan_of(**changes: Any) -> PlannedExperiment:
    settings: dict[str, Any] = {
        "rates": (0.04, 0.05),
        "requests_per_day": 1000,
        "days": 30,
        "rebalance_minutes": 15,
        "delay_hours": 0.0,
        "window_hours": 0.0,
        "new_share": 1.0,
        "alpha": 0.05,
        "mode": "earn_first",
        "floor": 0.0,
        "epsilon": 0.1,
    }
    return PlannedExperiment(**settings | changes)


@pytest.mark.parametrize(
    ("changes", "intervals", "requests"),
    [
        ({}, 100, 300),
        ({"rebalance_minutes": 1440}, 30, 1000),
        ({"rebalance_minutes": 1000, "days": 1}, 1, 1000),
        ({"requests_per_day": 10**6}, 100, 300_000),
        ({"days": 200}, 200, 1000),
        ({"days": 1000}, 366, 2732),
        ({"requests_per_day": 1}, 30, 1),
        ({"new_share": 0.1, "rebalance_minutes": 15}, 30, 1000),
    ],
)
def test_the_horizon_is_cut_into_few_intervals(changes: dict[str, Any], intervals: int, requests: int) -> None:
    scenario = plan_of(**changes).scenario()
    assert (scenario.intervals, scenario.requests) == (intervals, requests)


@pytest.mark.parametrize(("mean", "window"), [(0.0, 0.0), (0.01, 0.03), (1.0, 3.0), (2.5, 2.5), (10.0, 47.3)])
def test_delays_add_up(mean: float, window: float) -> None:
    shares = seen_after(mean, window)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0
    assert len(shares) <= window + 2


def test_delays_are_exponential() -> None:
    """Without a limit of the window, of those not yet seen the same part is seen in each later interval."""
    shares = seen_after(2.0, 60.0)
    assert shares[2] / shares[1] == pytest.approx(0.6065, abs=1e-3)  # exp(-1/2)
    assert shares[0] == pytest.approx(1 - 2 * (1 - 0.6065), abs=1e-3)


def test_a_window_closes_the_cohorts() -> None:
    scenario = plan_of(rebalance_minutes=1440, delay_hours=24, window_hours=72).scenario()
    assert scenario.closes_after == 3
    assert len(scenario.delay) == 4
    assert plan_of(rebalance_minutes=1440, window_hours=36).scenario().closes_after == 2
