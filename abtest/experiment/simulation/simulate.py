"""Runs a policy through a scenario, in all runs at once, interval by interval."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation.strategies import learning
from abtest.experiment.arrays import Floats
from abtest.experiment.record.settings import LEARN_FIRST
from abtest.experiment.simulation.crowd import Crowd
from abtest.experiment.simulation.decisions import Decisions, Monitor, SequentialTest
from abtest.experiment.simulation.known import Cohorts
from abtest.experiment.simulation.policies import IntervalPolicy, Policy, RequestPolicy, likely_best
from abtest.experiment.simulation.requests import Counters
from abtest.experiment.simulation.runs import Runs
from abtest.experiment.simulation.scenario import Scenario
from abtest.experiment.simulation.visitors import CHUNK, Arms, Block, States, Tally, Visitors


def simulate(
    scenario: Scenario,
    policy: Policy,
    *,
    runs: int = 1000,
    seed: int = 0,
    test: SequentialTest | None = None,
    by_counts: bool = False,
    each: Callable[[], None] = lambda: None,
) -> Runs:
    """`runs` independent runs of `policy`; the same for the same arguments.

    Two policies with the same scenario and seed meet the same users, who would do the same on the same arm: compare
    them by run. `by_counts` draws an interval's users together: as quick for any traffic, but without those pairs.
    `each` is called after every interval of every CHUNK of runs.
    ValueError naming a wrong argument; a request policy cannot have a test that changes shares, or go by counts.
    """
    for name, value, least in (("runs", runs, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name}: must be a whole number, {least} or more, not {value!r}")
    chunks = [
        _Simulation(scenario, seed, chunk, min(CHUNK, runs - start), test, by_counts, each).run(policy)
        for chunk, start in enumerate(range(0, runs, CHUNK))
    ]
    return _joined(chunks)


class _Simulation:
    """One chunk of runs."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        chunk: int,
        runs: int,
        test: SequentialTest | None,
        by_counts: bool,
        each: Callable[[], None],
    ) -> None:
        self.scenario, self.runs, self.test, self.each = scenario, runs, test, each
        self.visitors = Visitors(scenario, seed, chunk, runs)
        self.crowd = Crowd(scenario, seed, chunk, runs) if by_counts else None
        self.cohorts = Cohorts(runs, scenario)
        shape = (runs, scenario.intervals, scenario.arms)
        self.shares, self.trials, self.rewards = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.first_trials, self.first_rewards = np.zeros(shape), np.zeros(shape)
        self.monitor = Monitor(runs, scenario.arms, test) if test else None

    def run(self, policy: Policy) -> Runs:
        pick = self._by_interval(policy) if isinstance(policy, IntervalPolicy) else self._by_request(policy)
        return Runs(
            self.scenario,
            policy.name,
            self.shares,
            self.trials,
            self.rewards,
            self.first_trials,
            self.first_rewards,
            pick,
            self.monitor.decisions if self.monitor else None,
        )

    def _by_interval(self, policy: IntervalPolicy) -> NDArray[np.int64]:
        session = policy.begin(self.runs, self.scenario.arms)
        for interval in range(self.scenario.intervals):
            shares = self._allowed(session.shares(self.cohorts.known(policy.reading)))
            self.shares[:, interval] = shares
            if self.crowd:
                self._add(interval, *self.crowd.draw(interval, shares))
            else:
                for block in self.visitors.blocks(interval):
                    arms = block.drawn(shares)
                    self._count(interval, block, arms, block.states(arms))
            self._end(interval)
        return session.leaders(self.cohorts.known(policy.reading))

    def _by_request(self, policy: RequestPolicy) -> NDArray[np.int64]:
        if self.test and (self.test.mode == LEARN_FIRST or self.test.margin is not None):
            raise ValueError("test: a request policy has no shares to change, so neither learn_first nor a margin")
        if self.crowd:
            raise ValueError("by_counts: a request policy must see one request after the other")
        counters = Counters(self.runs, self.scenario)
        for interval in range(self.scenario.intervals):
            random = self.visitors.policy_generator(interval)
            for number, block in enumerate(self.visitors.blocks(interval)):
                arms, states = counters.serve(policy, block, interval, number, random)
                self._count(interval, block, arms, states)
            self.shares[:, interval] = self.first_trials[:, interval]
            self._end(interval)
        self.shares /= np.maximum(self.shares.sum(axis=2, keepdims=True), 1)
        return likely_best(counters.trials, counters.rewards)

    def _allowed(self, shares: Floats) -> Floats:
        """What the test makes of the strategy's shares, as `rebalance` does."""
        if self.test is None or self.monitor is None:
            return shares
        if self.test.mode == LEARN_FIRST:
            learns = learning(shares, ~self.monitor.refuted, self.test.even)
            shares = np.where(self.monitor.running[:, None], learns, shares)
        # Where all are equivalent the first arm, the champion, stays.
        champion = (np.arange(self.scenario.arms) == 0).astype(float)
        return np.where(self.monitor.decisions.equivalent[:, None], champion, shares)

    def _count(self, interval: int, block: Block, arms: Arms, states: States) -> None:
        """Adds a block's requests to the interval's cohort."""
        block.settle(arms)
        cells = tally(arms, states, self.scenario.arms, self.cohorts.states)
        first = cells if block.new is None else tally(arms, states, self.scenario.arms, self.cohorts.states, block.new)
        self._add(interval, cells, first)

    def _add(self, interval: int, cells: Tally, first: Tally) -> None:
        """Some requests by what came of them, and those of new users among them: a strategy learns from these only."""
        self.cohorts.add(first)
        self.trials[:, interval] += cells.sum(axis=2)
        self.rewards[:, interval] += cells[:, :, 1:].sum(axis=2)
        self.first_trials[:, interval] += first.sum(axis=2)
        self.first_rewards[:, interval] += first[:, :, 1:].sum(axis=2)

    def _end(self, interval: int) -> None:
        self.cohorts.end()
        closed = interval - self.scenario.closes_after
        if self.monitor and closed >= 0:
            first = (self.first_trials[:, closed], self.first_rewards[:, closed], self.shares[:, closed])
            self.monitor.look(*first, at=interval)
        self.each()


def tally(arms: Arms, states: States, arm_count: int, state_count: int, mask: NDArray[np.bool_] | None = None) -> Tally:
    """How often each state followed each arm in each run, of the requests in `mask`."""
    runs = len(arms)
    cells = (np.arange(runs)[:, None] * arm_count + arms) * state_count + states
    chosen = cells.ravel() if mask is None else cells[mask]
    return np.bincount(chosen, minlength=runs * arm_count * state_count).reshape(runs, arm_count, state_count)


def _joined(chunks: list[Runs]) -> Runs:
    """The runs of all chunks, in order."""
    if len(chunks) == 1:
        return chunks[0]
    fields = ("shares", "trials", "rewards", "first_trials", "first_rewards", "pick")
    joined = {field: np.concatenate([getattr(chunk, field) for chunk in chunks]) for field in fields}
    made = [chunk.decisions for chunk in chunks if chunk.decisions is not None]
    decisions = None
    if made:
        decisions = Decisions(
            np.concatenate([each.leader for each in made]),
            np.concatenate([each.equivalent for each in made]),
            np.concatenate([each.decided_at for each in made]),
        )
    return Runs(scenario=chunks[0].scenario, policy_name=chunks[0].policy_name, decisions=decisions, **joined)
