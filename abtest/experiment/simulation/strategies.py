"""Our strategies in all runs at once: what abtest.experiment.allocation.strategies does, in numpy."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from abtest.experiment.allocation.adaptive import Beliefs
from abtest.experiment.allocation.adaptive_filter import IDLE
from abtest.experiment.allocation.strategies import UCB1_MOST_STEPS
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.batched import probability_best
from abtest.experiment.simulation.known import Known
from abtest.experiment.simulation.policies import IntervalPolicy, Picks, Session, Stateless


def weighted_sampling(initial: Floats) -> Callable[[Known], Floats]:
    return lambda known: np.tile(initial, (len(known.trials), 1))


def epsilon_greedy(known: Known, epsilon: float) -> Floats:
    trials, rewards = known.totals
    means = _means(trials, rewards)
    best = means == means.max(axis=1, keepdims=True)
    shares: Floats = epsilon / trials.shape[1] + (1 - epsilon) * best / best.sum(axis=1, keepdims=True)
    return shares


def ucb1(known: Known) -> Floats:
    trials, rewards = known.totals
    overall = rewards.sum(axis=1) / np.maximum(trials.sum(axis=1), 1)
    means = np.where(trials > 0, _means(trials, rewards), overall[:, None])
    steps, step = _steps(known, trials)
    picks, rows = np.zeros_like(trials), np.arange(len(trials))
    for number in range(int(steps.max())):
        running = number < steps
        chosen = _highest_bounds(means, trials)
        trials[rows, chosen] += step * running
        picks[rows, chosen] += running
    return picks / steps[:, None]


def _highest_bounds(means: Floats, trials: Floats) -> Picks:
    log = 2 * np.log(np.maximum(trials.sum(axis=1, keepdims=True), 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = means + np.sqrt(log / trials)
    bounds[trials == 0] = math.inf
    highest: Picks = bounds.argmax(axis=1)
    return highest


def _steps(known: Known, trials: Floats) -> tuple[Floats, Floats]:
    """How many steps one interval takes in each run, and the trials of each step."""
    arms = trials.shape[1]
    total = known.trials[:, : known.closed].sum(axis=2).mean(axis=1) if known.closed else trials.sum(axis=1)
    size = np.maximum(total, arms)
    steps = np.ceil(np.minimum(size, UCB1_MOST_STEPS) / arms) * arms
    return steps, size / steps


def _means(trials: Floats, rewards: Floats) -> Floats:
    return np.divide(rewards, trials, out=np.zeros_like(trials), where=trials > 0)


def thompson_sampling(known: Known) -> Floats:
    return probability_best(*known.totals)


class Adaptive:
    """Takes closed intervals into its beliefs once and for all, open ones anew each time."""

    def __init__(self, runs: int, arms: int, idle: float = IDLE) -> None:
        self._beliefs = Beliefs.start(runs, arms, idle)
        self._closed = 0

    def shares(self, known: Known) -> Floats:
        return self._after(known).shares()

    def leaders(self, known: Known) -> Picks:
        highest: Picks = self._after(known).best().argmax(axis=1)
        return highest

    def _after(self, known: Known) -> Beliefs:
        for interval in range(self._closed, known.closed):
            self._beliefs = self._beliefs.after(known.trials[:, interval], known.rewards[:, interval])
        self._closed = known.closed
        beliefs = self._beliefs
        for interval in range(known.closed, known.trials.shape[1]):
            beliefs = beliefs.after(known.trials[:, interval], known.rewards[:, interval])
        return beliefs


# By name: from runs, initial shares and epsilon to a session.
STRATEGIES: dict[str, Callable[[int, Floats, float], Session]] = {
    "WeightedSampling": lambda _runs, initial, _epsilon: Stateless(weighted_sampling(initial)),
    "EpsilonGreedy": lambda _runs, _initial, epsilon: Stateless(lambda known: epsilon_greedy(known, epsilon)),
    "UCB1": lambda _runs, _initial, _epsilon: Stateless(ucb1),
    "ThompsonSampling": lambda _runs, _initial, _epsilon: Stateless(thompson_sampling),
    "Adaptive": lambda runs, initial, _epsilon: Adaptive(runs, len(initial)),
}


def interval_policy(
    strategy: str,
    *,
    reading: str = "weighted",
    weights: Sequence[float] | None = None,
    epsilon: float = 0.1,
    burn_in: int = 0,
    floor: float = 0.0,
    name: str | None = None,
) -> IntervalPolicy:
    """One of our strategies by its name, as `traffic_shares` with these arguments; the initial shares until counts are
    known. ValueError naming a wrong argument, where the number of arms decides when a simulation begins.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy: must be one of {', '.join(STRATEGIES)}, not {strategy!r}")
    check_epsilon(epsilon)
    check_least("burn_in", burn_in)

    def begin(runs: int, arms: int) -> Session:
        initial = initial_shares(weights, arms)
        check_floor(floor, arms)
        return _Bounded(STRATEGIES[strategy](runs, initial, epsilon), initial, burn_in, floor)

    return IntervalPolicy(name or strategy, begin, reading)


@dataclasses.dataclass(frozen=True)
class _Bounded:
    """Burn-in and floor around a session."""

    session: Session
    initial: Floats
    burn_in: int
    floor: float

    def shares(self, known: Known) -> Floats:
        wanted = floored(self.session.shares(known), self.floor)
        trials, _ = known.totals
        waiting = (trials < self.burn_in).any(axis=1, keepdims=True) | ~trials.any(axis=1, keepdims=True)
        return np.where(waiting, self.initial, wanted)

    def leaders(self, known: Known) -> Picks:
        return self.session.leaders(known)


def floored(shares: Floats, floor: float) -> Floats:
    """Shares of at least `floor`, as `traffic_shares` sees to it."""
    bounded: Floats = floor + (1 - shares.shape[1] * floor) * shares
    return bounded


def check_floor(floor: float, arms: int) -> None:
    if not 0 <= floor * arms <= 1 + 1e-12:
        raise ValueError(f"floor: must be from 0 to 1/{arms}, what {arms} arms can all have, not {floor!r}")


def check_epsilon(epsilon: float) -> None:
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon: must be from 0 to 1, not {epsilon!r}")


def check_least(name: str, trials: float) -> None:
    if not 0 <= trials < math.inf:
        raise ValueError(f"{name}: must be 0 or more, not {trials!r}")


def initial_shares(weights: Sequence[float] | None, arms: int) -> Floats:
    """`weights` as shares [arms], equal ones by default."""
    shares = np.ones(arms) if weights is None else np.array(weights, dtype=float)
    if shares.shape != (arms,) or not (shares >= 0).all() or not 0 < shares.sum() < math.inf:
        raise ValueError(f"weights: must be {arms} numbers, not negative and not all 0, not {weights!r}")
    return np.asarray(shares / math.fsum(shares))
