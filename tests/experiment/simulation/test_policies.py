"""A simulated run follows the strategy that an experiment follows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.experiment import traffic_shares
from abtest.experiment.allocation.strategies import Known, believed_best
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.simulation import interval_policy

RUNS = 2


@st.composite
def knowns(draw: st.DrawFn) -> Known:
    """All intervals closed; arms other than the first have nothing in some runs."""
    arms, intervals = draw(st.sampled_from([1, 2, 3, 7])), draw(st.integers(1, 4))
    size = draw(st.sampled_from([5, 50, 50, 9000]))  # of the last UCB1 takes several trials a step
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    trials = random.multinomial(size, np.full(arms, 1 / arms), (RUNS, intervals)).astype(float)
    trials[:, :, 1:] *= random.random((RUNS, 1, arms - 1)) > 0.2
    rewards = random.binomial(trials.astype(int), random.uniform(0, 0.6, (RUNS, 1, arms))).astype(float)
    return Known(trials, rewards, intervals)


@given(knowns(), st.sampled_from(list(STRATEGIES)), st.sampled_from([0, 40]), st.booleans(), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_each_run_gets_the_traffic_shares_of_an_experiment(
    known: Known, strategy: str, burn_in: int, even: bool, part: float
) -> None:
    arms = known.trials.shape[2]
    weights = None if even else list(range(1, arms + 1))
    arguments: dict[str, Any] = {"weights": weights, "burn_in": burn_in, "floor": part / arms, "epsilon": part}
    session = interval_policy(strategy, **arguments).begin(RUNS, arms)
    shares, leaders = session.shares(known), session.leaders(known)
    for run in range(RUNS):
        cells = np.stack([known.trials[run], known.rewards[run]], axis=-1)
        counts, history = cells.sum(axis=0).tolist(), cells.tolist()
        expected = traffic_shares(counts, strategy=strategy, history=history, **arguments)
        assert shares[run] == pytest.approx(expected, abs=1e-6)
        best = believed_best(counts, strategy=strategy, history=history)
        assert best[leaders[run]] == pytest.approx(max(best), abs=2e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_knows_nothing_of_the_others(strategy: str) -> None:
    small, large = np.array([[12.0, 8.0]]), np.array([[9000.0, 11000.0]])
    known = Known(np.stack([small, large]), np.stack([small * [0.5, 0.25], large * [0.26, 0.25]]), 1)
    shares = interval_policy(strategy).begin(2, 2).shares(known)
    for run in range(2):
        alone = Known(known.trials[[run]], known.rewards[[run]], 1)
        assert shares[run] == pytest.approx(interval_policy(strategy).begin(1, 2).shares(alone)[0], abs=1e-9)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("intervals", [0, 1])
def test_the_initial_shares_until_something_is_known(strategy: str, intervals: int) -> None:
    nothing = np.zeros((2, intervals, 3))
    session = interval_policy(strategy, weights=[2, 1, 1]).begin(2, 3)
    assert session.shares(Known(nothing, nothing, 0)).tolist() == [[0.5, 0.25, 0.25]] * 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"strategy": "thompson"}, "strategy"),
        ({"reading": "fresh"}, "reading"),
        ({"epsilon": 1.5}, "epsilon"),
        ({"burn_in": -1}, "burn_in"),
        ({"floor": 0.51}, "floor"),
        ({"weights": [1]}, "weights"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        interval_policy(**{"strategy": "UCB1"} | arguments).begin(10, 2)
