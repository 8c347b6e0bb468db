"""The test in all runs at once, against the one for a single experiment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.stopping import Batch, verdict
from abtest.experiment.simulation.decisions import NOBODY, Decisions, Monitor, SequentialTest

pytestmark = pytest.mark.slow

ALPHA = 0.05


def looks(rates: tuple[float, ...], runs: int, count: int, users: int, seed: int) -> tuple[Floats, Floats]:
    """[runs, looks, arms], with looks at which some arm has no user."""
    random = np.random.default_rng(seed)
    trials = random.integers(0, users, (runs, count, len(rates))) * (random.random((runs, count, len(rates))) > 0.2)
    return trials.astype(float), random.binomial(trials, rates).astype(float)


def verdicts(users: Floats, rewards: Floats, margin: float | None = None) -> Decisions:
    """What first outcomes [runs, looks, arms], look by look, prove in each run."""
    monitor = Monitor(users.shape[0], users.shape[2], SequentialTest(ALPHA, margin=margin))
    for look in range(users.shape[1]):
        monitor.look(users[:, look], rewards[:, look], even(users), at=look)
    return monitor.decisions


def even(users: Floats) -> Floats:
    """Shares [runs, arms]."""
    return np.full((len(users), users.shape[2]), 1 / users.shape[2])


def batches_of(users: Floats, rewards: Floats, names: Sequence[str]) -> list[Batch]:
    """Those of one run [looks, arms], under equal shares."""
    return [
        Batch(
            {name: (int(n), float(s)) for name, n, s in zip(names, *look, strict=True)},
            dict.fromkeys(names, 1 / len(names)),
        )
        for look in zip(users, rewards, strict=True)
    ]


def scalar(users: Floats, rewards: Floats, margin: float | None) -> tuple[int, bool, int]:
    """Leader, whether equivalent, and the look at which it was found, of one run [looks, arms]."""
    names = [str(arm) for arm in range(users.shape[1])]
    batches = batches_of(users, rewards, names)
    for count in range(1, len(batches) + 1):
        found = verdict(batches[:count], names, ALPHA, margin=margin)
        if found.leader is not None or found.equivalent:
            return (NOBODY if found.leader is None else int(found.leader)), found.equivalent, count - 1
    return NOBODY, False, NOBODY


@pytest.mark.parametrize(
    ("rates", "users", "margin"),
    [
        ((0.3, 0.5), 40, None),
        ((0.3, 0.5, 0.4), 60, None),
        ((0.05, 0.05), 60, None),
        ((0.5, 0.5), 400, 0.1),
        ((0.1, 0.12, 0.3), 60, 0.15),
        ((0.1, 0.1, 0.1), 400, 0.1),
    ],
)
def test_agrees_with_the_test_of_one_experiment(rates: tuple[float, ...], users: int, margin: float | None) -> None:
    trials, rewards = looks(rates, 10, 25, users, seed=len(rates))
    found = verdicts(trials, rewards, margin)
    expected = [scalar(trials[run], rewards[run], margin) for run in range(10)]
    assert list(zip(found.leader, found.equivalent, found.decided_at, strict=True)) == expected


def test_e_values_are_those_of_one_experiment() -> None:
    trials, rewards = looks((0.2, 0.4, 0.3), 5, 8, 30, seed=9)
    monitor = Monitor(5, 3, SequentialTest(ALPHA))
    for look in range(8):
        monitor.look(trials[:, look], rewards[:, look], even(trials), at=look)
    for run in range(5):
        e_values = verdict(batches_of(trials[run], rewards[run], "abc"), "abc", ALPHA).e_values
        assert monitor.e_values[run].tolist() == pytest.approx([e_values[name] for name in "abc"])


def test_the_cases_are_not_all_of_one_kind() -> None:
    """Else the agreement above would say little."""
    clear = verdicts(*looks((0.3, 0.5), 10, 25, 40, seed=2))
    assert clear.status.count("decided") >= 5
    assert verdicts(*looks((0.05, 0.05), 10, 25, 60, seed=2)).status.count("running") >= 8
    assert "equivalent" in verdicts(*looks((0.5, 0.5), 10, 25, 400, seed=2), 0.1).status


def test_a_single_arm_leads_nobody() -> None:
    found = verdicts(np.full((2, 3, 1), 10.0), np.full((2, 3, 1), 9.0))
    assert found.status == ["running", "running"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1}, "alpha"),
        ({"mode": "hurry"}, "mode"),
        ({"margin": 0}, "margin"),
        ({"even": 2}, "even"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        SequentialTest(**arguments)
