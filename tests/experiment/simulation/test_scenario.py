"""Scenarios: rates over time, and a sentence for what cannot be."""

from typing import Any

import pytest

from abtest.experiment.simulation import Change, Scenario, Users


def test_rates_change_at_their_share_of_the_run() -> None:
    changes = (Change(0.5, (0.3, 0.1)), Change(0.75, (0.2, 0.2)))
    scenario = Scenario("two changes", (0.1, 0.2), changes=changes, intervals=4)
    assert scenario.true_rates().tolist() == [[0.1, 0.2], [0.1, 0.2], [0.3, 0.1], [0.2, 0.2]]
    assert Scenario("late", (0.1,), changes=(Change(0.7, (0.2,)),), intervals=10).true_rates()[:, 0].tolist() == (
        [0.1] * 7 + [0.2] * 3
    )


def test_a_cohort_closes_after_the_longest_delay_or_later() -> None:
    assert Scenario("at once", (0.1,)).closes_after == 0
    assert Scenario("spread", (0.1,), delay=(0.5, 0.25, 0.25)).closes_after == 2
    assert Scenario("patient", (0.1,), delay=(0.5, 0.5), window=4).closes_after == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"rates": ()}, "rates"),
        ({"rates": 0.1}, "rates"),
        ({"rates": (0.1, 1.1)}, "rates"),
        ({"rates": (0.1, float("nan"))}, "rates"),
        ({"rates": (0.1, True)}, "rates"),
        ({"intervals": 0}, "intervals"),
        ({"intervals": 2.5}, "intervals"),
        ({"requests": -1}, "requests"),
        ({"requests": True}, "requests"),
        ({"delay": ()}, "delay"),
        ({"delay": (0.5, 0.4)}, "delay"),
        ({"delay": (1.5, -0.5)}, "delay"),
        ({"delay": (0.5, 0.5), "window": 0}, "window"),
        ({"window": 1.5}, "window"),
        ({"changes": (Change(0, (0.1, 0.2)),)}, r"changes\[0\].at"),
        ({"changes": (Change(0.5, (0.1, 0.2)), Change(0.5, (0.1, 0.2)))}, r"changes\[1\].at"),
        ({"changes": (Change(0.5, (0.1,)),)}, r"changes\[0\].rates"),
        ({"changes": (Change(0.5, (0.1, 2)),)}, r"changes\[0\].rates"),
        ({"users": Users(0)}, r"users\.new_share"),
        ({"users": Users(1.1)}, r"users\.new_share"),
        ({"users": Users(0.1, 0)}, r"users\.concentration"),
        ({"users": Users(0.1, float("inf"))}, r"users\.concentration"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Scenario(**{"name": "bad", "rates": (0.1, 0.2)} | arguments)
