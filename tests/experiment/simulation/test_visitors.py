"""Users and their draws: the same whatever is picked, sticky where they come back."""

import numpy as np
import pytest

from abtest.experiment.simulation import Change, Scenario, Users
from abtest.experiment.simulation.visitors import BLOCK, Arms, Block, Visitors


def blocks(scenario: Scenario, seed: int = 1, runs: int = 50, interval: int = 0) -> list[Block]:
    return list(Visitors(scenario, seed, 0, runs).blocks(interval))


def everywhere(block: Block, arm: int) -> Arms:
    return np.full(block.choice.shape, arm, dtype=np.int8)


def test_the_outcome_on_an_arm_is_the_same_whichever_policy_picks_it() -> None:
    scenario = Scenario("paired", (0.2, 0.5), delay=(0.5, 0.5), requests=100)
    mine, theirs = blocks(scenario)[0], blocks(scenario)[0]
    picked = mine.drawn(np.tile([0.3, 0.7], (50, 1)))
    zero, one = (theirs.states(everywhere(theirs, arm)) for arm in (0, 1))
    assert (mine.states(picked) == np.where(picked == 0, zero, one)).all()


def test_draws_depend_on_seed_and_interval_and_not_on_the_number_of_runs() -> None:
    scenario = Scenario("seeded", (0.2, 0.5), requests=100)
    first = blocks(scenario)[0].choice
    assert (first == blocks(scenario)[0].choice).all()
    assert (first[:7] == blocks(scenario, runs=7)[0].choice).all()
    assert (first != blocks(scenario, seed=2)[0].choice).any()
    assert (first != blocks(scenario, interval=1)[0].choice).any()


def test_requests_come_in_blocks() -> None:
    scenario = Scenario("busy", (0.2, 0.5), requests=2 * BLOCK + 3)
    assert [block.choice.shape for block in blocks(scenario, runs=4)] == [(4, BLOCK), (4, BLOCK), (4, 3)]


def test_arms_are_drawn_by_the_shares_and_never_with_a_share_of_0() -> None:
    scenario = Scenario("many", (0.1, 0.1, 0.1), requests=1000)
    block = blocks(scenario, runs=100)[0]
    arms = block.drawn(np.tile([0.2, 0.0, 0.8], (100, 1)))
    shares = np.bincount(arms.ravel(), minlength=3) / arms.size
    assert shares == pytest.approx([0.2, 0, 0.8], abs=0.01)
    assert (block.drawn(np.tile([1.0, 0, 0], (100, 1))) == 0).all()
    assert (block.drawn(np.tile([0, 0, 1.0], (100, 1))) == 2).all()


def test_conversions_come_at_their_rate_with_their_delay() -> None:
    scenario = Scenario("rates", (0.3, 0.6), delay=(0.5, 0.2, 0.3), changes=(Change(0.5, (0.1, 0.1)),), requests=1000)
    block = blocks(scenario, runs=200)[0]
    states = np.bincount(block.states(everywhere(block, 1)).ravel(), minlength=4) / 200_000
    assert states == pytest.approx([0.4, 0.3, 0.12, 0.18], abs=0.006)
    later = blocks(scenario, runs=200, interval=25)[0]
    assert (later.states(everywhere(later, 1)) > 0).mean() == pytest.approx(0.1, abs=0.004)


def test_sticky_users_stay_and_new_ones_come() -> None:
    scenario = Scenario("sticky", (0.2, 0.5), requests=1000, users=Users(0.1))
    visitors = Visitors(scenario, 1, 0, 100)
    variants: Arms | None = None
    for interval, arm in enumerate((0, 1, 0)):
        block = next(visitors.blocks(interval))
        assert block.new is not None
        arms = block.drawn(np.tile([1.0 - arm, arm], (100, 1)))
        if variants is None:
            assert block.new.all()
        else:
            assert block.new.mean() == pytest.approx(0.1, abs=0.005)
            assert (arms[~block.new] == variants[~block.new]).all()
        assert (arms[block.new] == arm).all()
        block.settle(arms)
        variants = arms


def test_users_with_their_own_rates_repeat_themselves() -> None:
    """Rates spread as Beta(1, 1) around 0.5: two outcomes of a user agree with probability 2/3, users' mean stays."""
    scenario = Scenario("differing", (0.5, 0.5), requests=1000, users=Users(1e-6, 2.0))
    visitors = Visitors(scenario, 1, 0, 100)
    once, again = (block.states(everywhere(block, 0)) for block in (next(visitors.blocks(i)) for i in (0, 1)))
    assert (once == again).mean() == pytest.approx(2 / 3, abs=0.01)
    assert once.mean() == pytest.approx(0.5, abs=0.01)
