"""Counts to traffic shares, by the strategy's name: every strategy gives each arm its probability of being drawn.

A strategy is a function from what is `Seen` to shares [runs, arms], summing to 1: a simulation asks for all its runs
at once, an experiment is one run. A new strategy is a function here and a line in `record.strategies`.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.allocation import adaptive as beliefs
from abtest.experiment.allocation.posterior import checked_counts, probability_best
from abtest.experiment.arrays import Floats
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.record.variants import Trials

# The part of the traffic that learns in learn_first, evenly. Until a decision between two arms an interval's evidence
# grows with w (1 - w), w the loser's share, and its regret with w: the smaller w the less regret, but the later the
# decision. docs/benchmarks.md has what other parts cost.
EVEN_WHILE_LEARNING = 0.5
UCB1_MOST_STEPS = 2000  # a longer interval is run in steps of several trials each

History: TypeAlias = Sequence[Sequence[Trials]]


@dataclasses.dataclass(frozen=True)
class Known:
    """What came of each interval's invocations, oldest first.

    `trials` and `rewards` are [runs, intervals, arms], rewards from 0 to trials. The attribution windows of the first
    `closed` intervals are over.
    """

    trials: Floats
    rewards: Floats
    closed: int

    @property
    def totals(self) -> tuple[Floats, Floats]:
        """Trials and rewards [runs, arms] of all intervals."""
        return self.trials.sum(axis=1), self.rewards.sum(axis=1)


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a strategy may look at.

    `trials` and `rewards` [runs, arms] are all that was counted, be it in an interval of `history` or before the first.
    `initial` [arms] are the shares at the start; `epsilon` is 0 to 1. `probability_best` gives P(best) [runs, arms] of
    trials and rewards: exactly for one experiment, quickly for a thousand runs.
    """

    trials: Floats
    rewards: Floats
    history: Known
    initial: Floats
    epsilon: float
    probability_best: Callable[[Floats, Floats], Floats]


def weighted_sampling(seen: Seen) -> Floats:
    """The initial weights, for ever."""
    return np.tile(seen.initial, (len(seen.trials), 1))


def epsilon_greedy(seen: Seen) -> Floats:
    """`epsilon` spread evenly, the rest to the highest mean reward (0 without trials); ties share it."""
    means = _means(seen)
    best = means == means.max(axis=1, keepdims=True)
    shares: Floats = seen.epsilon / means.shape[1] + (1 - seen.epsilon) * best / best.sum(axis=1, keepdims=True)
    return shares


def _means(seen: Seen) -> Floats:
    return np.divide(seen.rewards, seen.trials, out=np.zeros_like(seen.trials), where=seen.trials > 0)


def ucb1(seen: Seen) -> Floats:
    """The shares of picks if UCB1 (Auer et al., 2002) ran over one more interval with the means as they are.

    Each step takes the arm with the highest mean + sqrt(2 ln(all trials) / its trials), the first of equals; arms
    without a trial come first, with the mean of all trials. The interval is as long as the closed ones' mean, or as
    all trials so far.
    """
    trials = seen.trials.copy()
    overall = seen.rewards.sum(axis=1) / np.maximum(trials.sum(axis=1), 1)
    means = np.where(trials > 0, _means(seen), overall[:, None])
    steps, step = _steps(seen)
    picks, rows = np.zeros_like(trials), np.arange(len(trials))
    for number in range(int(steps.max())):
        running = number < steps
        chosen = _highest_bounds(means, trials)
        trials[rows, chosen] += step * running
        picks[rows, chosen] += running
    return picks / steps[:, None]


def _highest_bounds(means: Floats, trials: Floats) -> NDArray[np.int64]:
    log = 2 * np.log(np.maximum(trials.sum(axis=1, keepdims=True), 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = means + np.sqrt(log / trials)
    bounds[trials == 0] = math.inf
    highest: NDArray[np.int64] = bounds.argmax(axis=1)
    return highest


def _steps(seen: Seen) -> tuple[Floats, Floats]:
    """How many steps one interval takes in each run, a whole number of rounds of all arms; the trials of each step."""
    arms, closed = seen.trials.shape[1], seen.history.trials[:, : seen.history.closed].sum(axis=2)
    size = np.maximum(closed.mean(axis=1) if closed.size else seen.trials.sum(axis=1), arms)
    steps = np.ceil(np.minimum(size, UCB1_MOST_STEPS) / arms) * arms
    return steps, size / steps


def thompson_sampling(seen: Seen) -> Floats:
    """The probability that each arm is the best."""
    return seen.probability_best(seen.trials, seen.rewards)


def adaptive(seen: Seen) -> Floats:
    """Information-directed sampling and P(best) under the belief that rates may change."""
    return _believed(seen).shares()


def adaptive_best(seen: Seen) -> Floats:
    """P(best) from now on under that belief: rates may have changed, those of idle arms unseen."""
    return _believed(seen).best()


def _believed(seen: Seen) -> beliefs.Beliefs:
    history = np.stack([seen.history.trials, seen.history.rewards])
    return beliefs.believed(np.stack([seen.trials, seen.rewards]), history, seen.history.closed)


# Strategies that believe something else of the arms than the plain posteriors say.
BELIEFS = {"Adaptive": adaptive_best}


def best_arms(strategy: str, seen: Seen) -> Floats:
    """The probability that each arm is the best from now on, as the strategy sees it, [runs, arms]."""
    return BELIEFS.get(strategy, thompson_sampling)(seen)


def bounded_shares(strategy: str, seen: Seen, *, burn_in: float, floor: float) -> Floats:
    """The strategy's shares [runs, arms] above the `floor`, or the initial ones while an arm lacks `burn_in` trials."""
    follow: Callable[[Seen], Floats] = globals()[STRATEGIES[strategy]]
    waiting = (seen.trials < burn_in).any(axis=1, keepdims=True)
    return np.where(waiting, seen.initial, floored(follow(seen), floor))


def floored(shares: Floats, floor: float) -> Floats:
    """Shares of at least `floor`, [runs, arms]."""
    bounded: Floats = floor + (1 - shares.shape[1] * floor) * shares
    return bounded


def learning(shares: Floats, compared: NDArray[np.bool_], part: float = EVEN_WHILE_LEARNING) -> Floats:
    """`shares` [runs, arms] of which `part` is split evenly over the arms that are `compared`, over all if none is."""
    kept = np.where(compared.any(axis=1, keepdims=True), compared, True)
    mixed: Floats = (1 - part) * shares + part * kept / kept.sum(axis=1, keepdims=True)
    return mixed


def traffic_shares(
    counts: Sequence[Trials],
    *,
    strategy: str,
    weights: Sequence[float] | None = None,
    epsilon: float = 0.1,
    burn_in: int = 0,
    floor: float = 0.0,
    history: History | None = None,
) -> list[float]:
    """Each arm's share of the traffic, in the order of `counts`, summing to 1; the same for the same input.

    `counts` holds (trials, reward sum) of each arm; `weights` are the initial ones (>= 0, default equal), kept until
    every arm has `burn_in` trials. `floor` (0 to 1/arms) is the least share an arm keeps after that: `floor + (1 -
    arms * floor) * share`. `epsilon` (0..1) is EpsilonGreedy's; `history`, the counts of each earlier interval, says
    how much traffic UCB1 plans for and lets Adaptive see rates change. Raises ValueError naming the wrong argument.
    """
    arms = checked_counts(counts)
    initial = initial_shares(weights, len(arms))
    check_settings(strategy, epsilon, burn_in)
    check_floor(floor, len(arms))
    intervals = [_checked_interval(interval, len(arms)) for interval in history or ()]
    seen = _one_run(arms, intervals, initial, epsilon)
    return _normalised(bounded_shares(strategy, seen, burn_in=burn_in, floor=floor)[0].tolist())


def believed_best(counts: Sequence[Trials], *, strategy: str, history: History | None = None) -> list[float]:
    """The probability that each arm is the best from now on, as the strategy sees it; arguments as `traffic_shares`."""
    arms = checked_counts(counts)
    best: list[float] = best_arms(strategy, _one_run(arms, history or (), np.ones(len(arms)), 0.0))[0].tolist()
    return best


def _one_run(counts: Sequence[Trials], history: History, initial: Floats, epsilon: float) -> Seen:
    """What a strategy sees of a single experiment."""
    trials, rewards = np.array(counts, dtype=np.float64).T[:, None]
    intervals = np.array(history, dtype=np.float64).reshape(1, -1, len(counts), 2)
    known = Known(intervals[..., 0], intervals[..., 1], intervals.shape[1])
    return Seen(trials, rewards, known, initial, epsilon, _exactly_best)


def _exactly_best(trials: Floats, rewards: Floats) -> Floats:
    pairs = np.stack([trials, rewards], axis=2).tolist()
    return np.array([probability_best(run) for run in pairs])


def _normalised(shares: Sequence[float]) -> list[float]:
    total = math.fsum(shares)
    return [share / total for share in shares]


def initial_shares(weights: Sequence[float] | None, arms: int) -> Floats:
    """`weights` as shares [arms], equal ones by default; ValueError beginning with "weights" if they are none."""
    if weights is None:
        return np.full(arms, 1 / arms)
    if len(weights) != arms:
        raise ValueError(f"weights: must be one for each of {arms} arms, not {len(weights)}")
    if not all(_is_number(weight) and weight >= 0 for weight in weights) or not 0 < math.fsum(weights) < math.inf:
        raise ValueError(f"weights: must be finite, not negative and not all 0, not {list(weights)}")
    return np.array(_normalised([float(weight) for weight in weights]))


def check_settings(strategy: str, epsilon: float, burn_in: float) -> None:
    """Raises ValueError naming the first argument that is out of range."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy: must be one of {', '.join(STRATEGIES)}, not {strategy!r}")
    check_share("epsilon", epsilon)
    check_trials("burn_in", burn_in)


def check_share(name: str, share: float) -> None:
    """Raises ValueError beginning with `name` if this is no number from 0 to 1."""
    if not (_is_number(share) and 0 <= share <= 1):
        raise ValueError(f"{name}: must be from 0 to 1, not {share!r}")


def check_trials(name: str, trials: float) -> None:
    """Raises ValueError beginning with `name` if there cannot be so many trials."""
    if not (_is_number(trials) and trials >= 0):
        raise ValueError(f"{name}: must be 0 or more, not {trials!r}")


def check_floor(floor: float, arms: int) -> None:
    """Raises ValueError if not every one of the arms can have this share."""
    if not (_is_number(floor) and 0 <= floor * arms <= 1 + 1e-12):
        raise ValueError(f"floor: must be from 0 to 1/{arms}, what {arms} arms can all have, not {floor!r}")


def _checked_interval(interval: Sequence[Trials], arms: int) -> list[Trials]:
    if len(interval) != arms:
        raise ValueError(f"history: every interval must hold {arms} arms, not {len(interval)}")
    return checked_counts(interval, "history")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
