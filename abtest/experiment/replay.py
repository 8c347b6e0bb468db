"""Recorded events to the off-policy value of another strategy, or of fixed shares.

The unit is the user: users are sticky, so one draw decided all that a user got. The draw is the user's first randomised
invocation, with its Decision and propensity; Manual and Fallback traffic was not drawn and is left out, as are users
whose attribution window is open.

What is estimated: the reward per user, had the users whom each Decision's shares drew been drawn by the target's shares
instead. A strategy sets them from the counts that were recorded when that Decision was taken: closed cohorts of the
logged traffic. So this compares what two strategies make of the same evidence. It is not what
the target would have earned had it run from the start, when its own traffic would have been its evidence: from the log
that takes the product of all weights since the start, of a variance without bound (Dudik et al., "Sample-efficient
nonstationary policy evaluation for contextual bandits", 2012). A strategy that explores too little therefore looks
better here than it is, since the logged traffic explored for it.
"""

import bisect
import collections
import dataclasses
import datetime
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from abtest.experiment.logged import Log, LoggedDecision, LoggedUser
from abtest.experiment.off_policy import Cohort, Evaluation, UnidentifiedError, evaluate
from abtest.experiment.strategies import traffic_shares
from abtest.experiment.utility import utility
from abtest.experiment.variants import Shares

LEAST_PIECE = 16  # users; the model of the reward learns from one piece of a cohort to the next
PIECES = 8  # a piece is at most this part of all users before it

NOT_JOINED = "a variant of the target did not take part yet"

Cells: TypeAlias = list[tuple[float, float]]


# Names of variants, (trials, reward) of each, the same for each earlier interval -> shares of sum 1; None where these
# variants are not enough, so that the users are left out.
Target: TypeAlias = Callable[[Sequence[str], Cells, Sequence[Cells]], Sequence[float] | None]


def fixed_shares(fixed: Shares) -> Target:
    """The same shares throughout, where all variants that they give traffic take part."""

    def shares(names: Sequence[str], _counts: Cells, _history: Sequence[Cells]) -> Sequence[float] | None:
        wanted = {name for name, share in fixed.items() if share > 0}
        return [fixed.get(name, 0.0) for name in names] if wanted <= set(names) else None

    return shares


def strategy_shares(
    strategy: str,
    *,
    weights: Mapping[str, float],
    epsilon: float = 0.1,
    burn_in: int = 0,
    floor: float = 0.0,
    objective: str = "maximize",
    costs: Mapping[str, float] | None = None,
) -> Target:
    """What `traffic_shares` says of the counts in utility; `weights`, the initial ones, until something is counted.

    The target raises ValueError as `traffic_shares` and `utility` do.
    """

    def shares(names: Sequence[str], counts: Cells, history: Sequence[Cells]) -> Sequence[float]:
        measure = functools.partial(
            utility, objective=objective, costs=[(costs or {}).get(name, 0.0) for name in names]
        )
        return traffic_shares(
            measure(counts),
            strategy=strategy if any(trials for trials, _ in counts) else "WeightedSampling",
            weights=[weights[name] for name in names],
            epsilon=epsilon,
            burn_in=burn_in,
            floor=floor,
            history=[measure(interval) for interval in history],
        )

    return shares


@dataclasses.dataclass(frozen=True)
class Round:
    """The users of one Decision: by whose shares they were drawn, and by which they would have been."""

    decision: LoggedDecision
    users: int
    target: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Replay:
    """`evaluation` of the target on the users of `rounds`; `left_out` counts the others by the reason."""

    evaluation: Evaluation
    rounds: tuple[Round, ...]
    left_out: Mapping[str, int]


def replay(
    log: Log, target: Target, *, confidence: float = 0.95, on_decision: Callable[[int], None] | None = None
) -> Replay:
    """Evaluates the target on the log; `on_decision` is told after each Decision how many are done.

    Raises UnidentifiedError if the log cannot say, ValueError if a strategy refuses its settings.
    """
    groups = {key: list(users) for key, users in itertools.groupby(log.users, key=lambda user: user.decision_id)}
    rounds, cohorts, seen = list[Round](), list[Cohort](), 0
    for number, (decision, counts, history) in enumerate(_evidence(log), start=1):
        users, names = groups.get(decision.decision_id, []), list(decision.shares)
        shares = target(names, counts, history) if users else None
        if shares is not None:
            rounds.append(Round(decision, len(users), dict(zip(names, shares, strict=True))))
            cohorts += _cohorts(log.variant_names, rounds[-1], users, seen)
            seen += len(users)
        if on_decision:
            on_decision(number)
    _check_support(rounds, log.variant_names)
    left_out = {**log.left_out, NOT_JOINED: len(log.users) - seen}
    return Replay(
        evaluate(cohorts, confidence=confidence),
        tuple(rounds),
        {reason: count for reason, count in left_out.items() if count},
    )


def _check_support(rounds: Sequence[Round], names: Iterable[str]) -> None:
    if not rounds:
        raise UnidentifiedError("no user with a closed window was drawn while all variants of the target took part")
    for name in names:
        wanted = any(taken.target.get(name, 0) > 0 for taken in rounds)
        if wanted and not any(taken.decision.shares.get(name, 0) > 0 for taken in rounds):
            raise UnidentifiedError(
                f"{name} was never possible: no shares gave it traffic, so nothing says what it earns"
            )


def _cohorts(names: Sequence[str], taken: Round, users: Sequence[LoggedUser], seen: int) -> Iterator[Cohort]:
    """The users in pieces, `seen` users having come before: the model of the reward learns in between."""
    logged = tuple(taken.decision.shares.get(name, 0.0) for name in names)
    target = tuple(taken.target.get(name, 0.0) for name in names)
    start = 0
    while start < len(users):
        end = start + max(LEAST_PIECE, (seen + start) // PIECES)
        rewards: dict[str, list[float]] = {name: [] for name in names}
        for user in users[start:end]:
            rewards[user.variant].append(user.reward)
        yield Cohort(
            logged,
            target,
            tuple(len(rewards[name]) for name in names),
            tuple(math.fsum(rewards[name]) for name in names),
            tuple(math.fsum(reward**2 for reward in rewards[name]) for name in names),
        )
        start = end


def _evidence(log: Log) -> Iterator[tuple[LoggedDecision, Cells, list[Cells]]]:
    """Each Decision with what was closed when it was taken: (trials, reward) of its variants, in all and by interval.

    Intervals are those between Decisions, by time of invocation, oldest first; the first Decision has none before it.
    """
    changes = collections.deque(sorted(_changes(log)))
    intervals: list[dict[str, tuple[float, float]]] = [{} for _ in log.decisions]
    for number, decision in enumerate(log.decisions):
        while changes and changes[0].at <= decision.as_of:
            change = changes.popleft()
            trials, reward = intervals[change.interval].get(change.variant, (0.0, 0.0))
            intervals[change.interval][change.variant] = trials + change.trials, reward + change.reward
        names = decision.shares
        history = [[interval.get(name, (0.0, 0.0)) for name in names] for interval in intervals[:number]]
        counts = [_sum([cells[arm] for cells in history]) for arm in range(len(names))]
        yield decision, counts, history


def _sum(cells: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return math.fsum(trials for trials, _ in cells), math.fsum(reward for _, reward in cells)


class _Change(NamedTuple):
    """What becomes known `at` a time of an invocation in `interval`: that it is a trial, or its reward."""

    at: datetime.datetime
    interval: int
    variant: str
    trials: float
    reward: float


def _changes(log: Log) -> Iterator[_Change]:
    ends = [decision.as_of for decision in log.decisions[1:]]
    for trial in log.trials:
        interval = bisect.bisect_left(ends, trial.invocation.timestamp)
        yield _Change(trial.closed_at, interval, trial.variant, 1.0, 0.0)
        if trial.conversion is not None and trial.converted:
            known_at = max(trial.closed_at, trial.conversion.timestamp)
            yield _Change(known_at, interval, trial.variant, 0.0, trial.conversion.reward)
