"""What could be had at most, and the table that holds `Adaptive` against it."""

import numpy as np
import pytest

from bench import frontier, oracle, tables


@pytest.fixture(scope="module")
def policies() -> dict[float, list[np.ndarray]]:
    return {chance: oracle.best_visits(chance) for chance in (0.001, 0.02)}


@pytest.mark.slow
def test_who_thinks_a_rise_likelier_looks_more_often(policies: dict[float, list[np.ndarray]]) -> None:
    """It loses more where nothing changes and less where the arm rises."""
    steady, rises = (
        [oracle.regret(policy, chance, at, 400) for chance, policy in policies.items()] for at in (None, 25)
    )
    assert steady[0] < steady[1]
    assert rises[0] > rises[1]


@pytest.mark.slow
def test_who_is_sure_of_no_rise_sends_nobody_and_who_is_sure_of_one_everybody(
    policies: dict[float, list[np.ndarray]],
) -> None:
    for policy in policies.values():
        assert policy[10][0] == 0
        assert policy[10][-1] == oracle.REQUESTS


@pytest.mark.slow
def test_near_the_end_there_is_nothing_to_learn_for(policies: dict[float, list[np.ndarray]]) -> None:
    """In the last interval only the own belief counts: half a chance is where both arms are worth the same."""
    last = policies[0.02][-1]
    assert set(last[oracle.LOGITS < -0.1]) == {0}
    assert set(last[oracle.LOGITS > 0.1]) == {oracle.REQUESTS}


def test_rows_are_ratios_to_the_published_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier, "IDLES", (0.2,))
    monkeypatch.setattr(frontier, "OTHERS", ())
    monkeypatch.setattr(frontier, "CHANCES", (0.01,))
    published = [np.full(3, value) for value in (20.0, 40.0, 50.0)]
    ours = [value / 2 for value in published]
    rows = frontier.rows([*published, *ours, {"steady": 5.0, "rises": 25.0}])
    assert [row["steady"][0] for row in rows] == [0.5, 0.25]
    shown = tables.frontier(rows)
    assert "| Adaptive, idle 0.2" in shown and "0.50 ± 0.00" in shown
    assert "| all known but when, chance 0.01 | 0.25" in shown
