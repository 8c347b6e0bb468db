"""The peers' adapters say what the peers would."""

import math

import numpy as np
import pytest
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
from gbstats.models.statistics import SampleMeanStatistic

from abtest.experiment.allocation.posterior_arrays import probability_best
from abtest.experiment.allocation.strategies import Known
from abtest.experiment.simulation import Session
from bench.peers.growthbook import DRAWS, LEAST_SHARE, POLICIES, best_shares, normal_posteriors
from bench.peers.mabwiser_library import outcomes
from bench.policies import LIBRARY_PEERS, policy, runs_of

RUNS = 40
COUNTS = np.array([[400.0, 20.0], [500.0, 31.0]])  # trials and conversions of two arms


def known(parts: int, runs: int = RUNS) -> Known:
    """COUNTS in every run, in so many equal closed intervals."""
    trials = np.tile(COUNTS[:, 0] / parts, (runs, parts, 1))
    rewards = np.zeros_like(trials)
    rewards[:, 0] = COUNTS[:, 1]  # all in the first interval, so that parts are whole
    return Known(trials, rewards, parts)


def shares(session: Session, parts: int = 1, runs: int = RUNS) -> np.ndarray:
    return session.shares(known(parts, runs))


def best() -> float:
    """P(best) of the first arm."""
    return float(probability_best(COUNTS[None, :, 0], COUNTS[None, :, 1])[0, 0])


@pytest.mark.parametrize(("name", "picks"), [("mabwiser Thompson", 200), ("bayesianbandits Thompson", 25)])
def test_the_libraries_thompson_sampling_shares_are_near_p_best(name: str, picks: int) -> None:
    session = policy(name).begin(RUNS, 2)  # type: ignore[union-attr]
    error = math.sqrt(best() * (1 - best()) / (RUNS * picks))
    assert shares(session)[:, 0].mean() == pytest.approx(best(), abs=4 * error)


@pytest.mark.parametrize("name", ["mabwiser Thompson", "bayesianbandits Thompson"])
def test_a_library_is_told_of_an_interval_once(name: str) -> None:
    session = policy(name).begin(RUNS, 2)  # type: ignore[union-attr]
    for parts in (1, 2, 2):
        told = known(2)
        now = Known(told.trials[:, :parts], told.rewards[:, :parts], parts)
        found = session.shares(now)
    assert found[:, 0].mean() == pytest.approx(best(), abs=0.1)
    assert (session.leaders(known(2)) == 1).all()


@pytest.mark.slow
def test_a_decaying_agent_is_less_sure() -> None:
    plain, decaying = (policy(name).begin(RUNS, 2) for name in list(LIBRARY_PEERS)[2:4])  # type: ignore[union-attr]
    sure = Known(np.full((RUNS, 30, 2), 200.0), np.tile([10.0, 20.0], (RUNS, 30, 1)), 30)
    faint = Known(np.zeros((RUNS, 150, 2)), np.zeros((RUNS, 150, 2)), 150)
    for session in (plain, decaying):
        session.shares(sure)
    assert decaying.shares(faint)[:, 0].mean() > plain.shares(faint)[:, 0].mean()


@pytest.mark.parametrize("name", [*LIBRARY_PEERS, "GrowthBook bandit"])
def test_nothing_is_known_at_first(name: str) -> None:
    session = policy(name).begin(3, 4)  # type: ignore[union-attr]
    first = session.shares(Known(np.zeros((3, 0, 4)), np.zeros((3, 0, 4)), 0))
    assert first.shape == (3, 4)
    assert first.sum(axis=1) == pytest.approx(1)


def test_outcomes_are_as_many_as_the_counts() -> None:
    arms, rewards = outcomes(np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    assert (arms.tolist(), rewards.tolist()) == ([0, 0, 0, 1, 1], [1, 0, 0, 0, 0])


def test_growthbooks_shares_are_its_engines_chance_to_win() -> None:
    """gbstats' own Bayesian test of two arms has the same normal posteriors, but for a sample variance by n - 1."""
    statistics = [SampleMeanStatistic(n=int(n), sum=s, sum_squares=s) for n, s in COUNTS]
    config = EffectBayesianConfig(difference_type="absolute")
    chance = EffectBayesianABTest(*statistics, config).compute_result().chance_to_win
    found = shares(POLICIES[0].begin(1, 2), runs=1)
    assert found[0, 1] == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / DRAWS))


def test_growthbook_takes_no_conversion_for_no_data() -> None:
    """The reason why it gives an arm with 0 of 1000 about half against 50 of 1000."""
    means, deviations = normal_posteriors(np.array([[1000.0, 1000.0]]), np.array([[0.0, 50.0]]))
    draws = np.random.default_rng(1).standard_normal((20_000, 2))
    assert best_shares(means, deviations, draws)[0, 0] == pytest.approx(0.5, abs=0.02)


def test_growthbooks_floor_and_first_hundred() -> None:
    session = POLICIES[0].begin(1, 2)
    clear = Known(np.array([[[1000.0, 1000.0]]]), np.array([[[20.0, 100.0]]]), 1)
    assert session.shares(clear)[0, 0] == pytest.approx(LEAST_SHARE / (1 + LEAST_SHARE))
    few = Known(np.array([[[99.0, 1000.0]]]), np.array([[[1.0, 100.0]]]), 1)
    assert session.shares(few)[0].tolist() == [0.5, 0.5]


def test_slow_peers_get_fewer_runs() -> None:
    assert runs_of("bayesianbandits Thompson", 1000) == 500
    assert runs_of("published UCB1", 1000) == 1000
    assert runs_of("bayesianbandits IDS", 4) == 2
