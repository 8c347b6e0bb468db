"""Request by request: the published sample's raw counters, and what a policy picks from them."""

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.simulation.policies import Picks, RequestPolicy
from abtest.experiment.simulation.scenario import Scenario
from abtest.experiment.simulation.visitors import Arms, Block, States


class Counters:
    """Invocations and rewards seen so far [runs, arms].

    A conversion that is seen j intervals later arrives with the request at the same place of that interval, before its
    arm is chosen; one that is not late, before the next request.
    """

    def __init__(self, runs: int, scenario: Scenario) -> None:
        self.trials, self.rewards = np.zeros((runs, scenario.arms)), np.zeros((runs, scenario.arms))
        self._first_cells = np.arange(runs) * scenario.arms
        self._late = [delay for delay, share in enumerate(scenario.delay) if delay and share]
        self._served: dict[tuple[int, int], tuple[Arms, States]] = {}  # [requests, runs], by interval and block

    def serve(
        self, policy: RequestPolicy, block: Block, interval: int, number: int, random: np.random.Generator
    ) -> tuple[Arms, States]:
        """Arms and states [runs, requests] of a block."""
        outcomes = self._outcomes(block)
        late = [(delay, self._served.get((interval - delay, number))) for delay in self._late]
        arrivals = [(delay + 1, *served) for delay, served in late if served is not None]
        arms, states = np.empty(outcomes.shape[1:], dtype=np.int8), np.empty(outcomes.shape[1:], dtype=np.int8)
        new = None if block.new is None else np.ascontiguousarray(block.new.T)
        variant = block.variant.T
        rows = np.arange(len(self.trials))
        for request in range(len(arms)):
            for state, earlier_arms, earlier_states in arrivals:
                self._reward(earlier_arms[request], earlier_states[request] == state)
            if new is None:
                chosen = policy.choose(self.trials, self.rewards, random)
            else:
                chosen = variant[request].astype(np.int64)
                asking = np.flatnonzero(new[request])
                chosen[asking] = policy.choose(self.trials[asking], self.rewards[asking], random)
            arms[request] = chosen
            states[request] = outcomes[chosen, request, rows]
            self.trials.ravel()[self._first_cells + chosen] += 1
            self._reward(chosen, states[request] == 1)
        self._keep(interval, number, arms, states)
        return arms.T, states.T

    def _outcomes(self, block: Block) -> States:
        """[arms, requests, runs]: what would come of each request on each arm."""
        shape = block.choice.shape
        arms = range(self.trials.shape[1])
        return np.array([np.ascontiguousarray(block.states(np.full(shape, arm, dtype=np.int8)).T) for arm in arms])

    def _reward(self, arms: Arms | Picks, seen: NDArray[np.bool_]) -> None:
        self.rewards.ravel()[self._first_cells + arms] += seen

    def _keep(self, interval: int, number: int, arms: Arms, states: States) -> None:
        if self._late:
            self._served[interval, number] = (arms, states)
            self._served.pop((interval - max(self._late), number), None)
