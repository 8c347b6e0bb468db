"""Counts to traffic shares, by the strategy's name: every strategy gives each arm its probability of being drawn."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from abtest.experiment.allocation.posterior import checked_counts, probability_best
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.record.variants import Trials

UCB1_MOST_STEPS = 2000  # a longer interval is run in steps of several trials each

History: TypeAlias = Sequence[Sequence[Trials]]


@dataclasses.dataclass(frozen=True)
class _Arms:
    """What a strategy may look at."""

    counts: list[Trials]
    initial: list[float]
    epsilon: float
    history: History


def weighted_sampling(arms: _Arms) -> list[float]:
    """The initial weights, for ever."""
    return arms.initial


def epsilon_greedy(arms: _Arms) -> list[float]:
    """`epsilon` spread evenly, the rest to the highest mean reward (0 without trials); ties share it."""
    means = [reward / trials if trials else 0.0 for trials, reward in arms.counts]
    best = [mean == max(means) for mean in means]
    return [arms.epsilon / len(means) + (1 - arms.epsilon) * is_best / sum(best) for is_best in best]


def ucb1(arms: _Arms) -> list[float]:
    """The shares of picks if UCB1 (Auer et al., 2002) ran over one more interval with the means as they are.

    Each step takes the arm with the highest mean + sqrt(2 ln(all trials) / its trials), the first of equals; arms
    without a trial come first, with the mean of all trials. The interval is as long as history's mean one, or as all
    trials so far.
    """
    trials = [float(n) for n, _ in arms.counts]
    overall = math.fsum(s for _, s in arms.counts) / max(math.fsum(trials), 1.0)
    means = [s / n if n else overall for n, s in arms.counts]
    steps, step = _steps(arms)
    picks = [0] * len(trials)
    for _ in range(steps):
        chosen = _highest_bound(means, trials)
        trials[chosen] += step
        picks[chosen] += 1
    return [count / steps for count in picks]


def _highest_bound(means: list[float], trials: list[float]) -> int:
    log = 2 * math.log(max(sum(trials), 1.0))
    bounds = [mean + math.sqrt(log / n) if n else math.inf for mean, n in zip(means, trials, strict=True)]
    return bounds.index(max(bounds))


def _steps(arms: _Arms) -> tuple[int, float]:
    """How many steps one interval takes, and the trials of each step: a whole number of rounds of all arms."""
    total = math.fsum(n for n, _ in arms.counts)
    sizes = [math.fsum(n for n, _ in interval) for interval in arms.history]
    size = max(math.fsum(sizes) / len(sizes) if sizes else total, float(len(arms.counts)))
    rounds = math.ceil(min(size, UCB1_MOST_STEPS) / len(arms.counts))
    steps = rounds * len(arms.counts)
    return steps, size / steps


def thompson_sampling(arms: _Arms) -> list[float]:
    """The probability that each arm is the best."""
    return probability_best(arms.counts)


def adaptive(arms: _Arms) -> list[float]:
    """Information-directed sampling and P(best) under the belief that rates may change."""
    from abtest.experiment.allocation.adaptive import (
        adaptive_shares,  # loads numpy, for which no other strategy should wait
    )

    return adaptive_shares(arms.counts, arms.history or [arms.counts])


def believed_best(counts: Sequence[Trials], *, strategy: str, history: History | None = None) -> list[float]:
    """The probability that each arm is the best from now on, as the strategy sees it; arguments as `traffic_shares`.

    To Adaptive rates may have changed, those of idle arms unseen. To all others they stay: `probability_best`.
    """
    if strategy != "Adaptive":
        return probability_best(counts)
    from abtest.experiment.allocation.adaptive import adaptive_best

    return adaptive_best(checked_counts(counts), history or [counts])


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
    initial = _initial_shares(weights, len(arms))
    _check(strategy, epsilon, burn_in, floor, len(arms))
    intervals = [_checked_interval(interval, len(arms)) for interval in history or ()]
    if any(trials < burn_in for trials, _ in arms):
        return initial
    shares = _function(strategy)(_Arms(arms, initial, epsilon, intervals))
    return _normalised([floor + (1 - len(arms) * floor) * share for share in shares])


def _function(strategy: str) -> Callable[[_Arms], list[float]]:
    function: Callable[[_Arms], list[float]] = globals()[STRATEGIES[strategy]]
    return function


def _normalised(shares: list[float]) -> list[float]:
    total = math.fsum(shares)
    return [share / total for share in shares]


def _initial_shares(weights: Sequence[float] | None, arm_count: int) -> list[float]:
    if weights is None:
        return [1 / arm_count] * arm_count
    if len(weights) != arm_count:
        raise ValueError(f"weights: must be one for each of {arm_count} arms, not {len(weights)}")
    if not all(_is_number(weight) and weight >= 0 for weight in weights) or not 0 < math.fsum(weights) < math.inf:
        raise ValueError(f"weights: must be finite, not negative and not all 0, not {list(weights)}")
    return _normalised([float(weight) for weight in weights])


def _check(strategy: str, epsilon: float, burn_in: int, floor: float, arm_count: int) -> None:
    """Raises ValueError naming the first argument that is out of range."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy: must be one of {', '.join(STRATEGIES)}, not {strategy!r}")
    if not (_is_number(epsilon) and 0 <= epsilon <= 1):
        raise ValueError(f"epsilon: must be from 0 to 1, not {epsilon!r}")
    if not (_is_number(burn_in) and burn_in >= 0):
        raise ValueError(f"burn_in: must be 0 or more, not {burn_in!r}")
    if not (_is_number(floor) and 0 <= floor * arm_count <= 1 + 1e-12):
        raise ValueError(f"floor: must be from 0 to 1/{arm_count}, what {arm_count} arms can all have, not {floor!r}")


def _checked_interval(interval: Sequence[Trials], arm_count: int) -> list[Trials]:
    if len(interval) != arm_count:
        raise ValueError(f"history: every interval must hold {arm_count} arms, not {len(interval)}")
    return checked_counts(interval, "history")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
