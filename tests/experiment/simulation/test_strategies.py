"""Our strategies in all runs at once, against `traffic_shares`."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from abtest.experiment import traffic_shares
from abtest.experiment.arrays import Floats
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.simulation import Known, interval_policy
from abtest.experiment.simulation.strategies import Adaptive

RUNS = 12


def known(arms: int, intervals: int, seed: int, size: int = 50) -> Known:
    """All intervals closed; arms other than the first have nothing in some runs."""
    random = np.random.default_rng(seed)
    trials = random.multinomial(size, np.full(arms, 1 / arms), (RUNS, intervals)).astype(float)
    trials[:, :, 1:] *= random.random((RUNS, 1, arms - 1)) > 0.2
    rewards = random.binomial(trials.astype(int), random.uniform(0, 0.6, (RUNS, 1, arms))).astype(float)
    return Known(trials, rewards, intervals)


def scalar(seen: Known, run: int, **arguments: Any) -> list[float]:
    history = [list(zip(*interval, strict=True)) for interval in zip(seen.trials[run], seen.rewards[run], strict=True)]
    counts = [(float(n), float(s)) for n, s in zip(*(total[run] for total in seen.totals), strict=True)]
    return traffic_shares(counts, history=history, **arguments)


def batched(seen: Known, arms: int, **arguments: Any) -> Floats:
    return interval_policy(**arguments).begin(len(seen.trials), arms).shares(seen)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("arms", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "arguments", [{}, {"floor": 0.05}, {"epsilon": 0.3, "weights": True}, {"burn_in": 40, "weights": True}]
)
def test_agrees_with_traffic_shares(strategy: str, arms: int, arguments: dict[str, Any]) -> None:
    weights = {"weights": list(range(1, arms + 1))} if "weights" in arguments else {}
    seen = known(arms, 4, seed=arms)
    arguments = {"strategy": strategy} | arguments | weights
    shares = batched(seen, arms, **arguments)
    for run in range(RUNS):
        assert shares[run] == pytest.approx(scalar(seen, run, **arguments), abs=1e-6)


def test_ucb1_agrees_where_intervals_are_long() -> None:
    """Steps of several trials each."""
    seen = known(3, 2, seed=5, size=9000)
    shares = batched(seen, 3, strategy="UCB1")
    for run in range(RUNS):
        assert shares[run] == pytest.approx(scalar(seen, run, strategy="UCB1"), abs=1e-9)


@dataclasses.dataclass(frozen=True)
class Total:
    """Stands in for Adaptive's beliefs: remembers which trials it was given, in order."""

    taken: tuple[float, ...] = ()

    @classmethod
    def start(cls, _runs: int, _arms: int, _idle: float) -> "Total":
        return cls()

    def after(self, trials: Floats, _rewards: Floats) -> "Total":
        return Total((*self.taken, float(trials[0, 0])))

    def shares(self) -> Floats:
        return np.array([self.taken])


def test_adaptive_takes_closed_intervals_once_and_open_ones_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abtest.experiment.simulation.strategies.Beliefs", Total)
    session = Adaptive(1, 1)
    steps = [([1], 0), ([1.5, 2], 0), ([3, 2.5, 4], 1), ([3, 5, 4.5, 6], 3)]
    for cells, closed in steps:
        trials = np.array(cells, dtype=float).reshape(1, -1, 1)
        assert session.shares(Known(trials, trials, closed)).tolist() == [cells]


@pytest.mark.parametrize("strategy", ["WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling"])
def test_the_initial_shares_until_something_is_known(strategy: str) -> None:
    nothing = Known(np.zeros((2, 0, 3)), np.zeros((2, 0, 3)), 0)
    assert batched(nothing, 3, strategy=strategy, weights=[2, 1, 1]).tolist() == [[0.5, 0.25, 0.25]] * 2
    unseen = Known(np.zeros((2, 1, 3)), np.zeros((2, 1, 3)), 0)
    assert batched(unseen, 3, strategy=strategy, weights=[2, 1, 1]).tolist() == [[0.5, 0.25, 0.25]] * 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"strategy": "thompson"}, "strategy"),
        ({"reading": "fresh"}, "reading"),
        ({"epsilon": 1.5}, "epsilon"),
        ({"burn_in": -1}, "burn_in"),
        ({"floor": 0.51}, "floor"),
        ({"floor": -0.1}, "floor"),
        ({"weights": [1]}, "weights"),
        ({"weights": [0, 0]}, "weights"),
        ({"weights": [1, float("inf")]}, "weights"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        interval_policy(**{"strategy": "UCB1"} | arguments).begin(10, 2)
