"""Recorded events to the off-policy value of another strategy, or of fixed shares.

The unit is the user: users are sticky, so one draw decided all that a user got. The draw is the user's first randomised
invocation, with its Decision and propensity; Manual and Fallback traffic was not drawn and is left out, as are users
whose attribution window is open.

What is estimated: the reward per user, had the users whom each Decision's shares drew been drawn by the target's shares
instead. A strategy sets these from closed cohorts as they were when that Decision was taken, either

- `weighted`: every trial and its reward count target's share / logged share times, so that each variant has as many
  trials as the target would have given it. Its own choices come back to it, as they do in a run.
- `logged`: every trial counts once: what the strategy would have made of the evidence that was there. One that explores
  little looks better than it is, since the log explored for it; one that explores much never sees what it explored.

Both are functions of the past, so estimates and intervals hold for these shares, exactly. The value of a run of the
target from the start is another quantity. From a log it takes the product of all weights since the start, of a variance
without bound, or users enough to throw most away (Li et al., WSDM 2011; Dudik et al., "Sample-efficient nonstationary
policy evaluation for contextual bandits", UAI 2012). `weighted` comes near it while weights are small (in a test UCB1
would have earned 0.177 a user, weighted evidence says 0.178, logged evidence 0.132). Large weights make few users look
like many: the target's shares then move more than they would have.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from abtest.experiment.allocation.strategies import traffic_shares
from abtest.experiment.allocation.utility import utility
from abtest.experiment.counting import columns
from abtest.experiment.counting.count import NEVER
from abtest.experiment.counting.event_table import Rows, only
from abtest.experiment.record.settings import ExperimentSettings
from abtest.experiment.record.variants import Shares
from abtest.experiment.replay.logged import Log, LoggedDecision, LoggedUser
from abtest.experiment.replay.off_policy import Cohort, Evaluation, UnidentifiedError, evaluate

LEAST_PIECE = 16  # users; the model of the reward learns from one piece of a cohort to the next
EVIDENCE = ("weighted", "logged")
PIECES = 8  # a piece is at most this part of all users before it

NOT_JOINED = "a variant of the target did not take part yet"

# What becomes known `at` a time of invocations in `interval` on a variant, both by place, `drawn_by` a Decision.
CHANGE = np.dtype(
    [
        *((name, "<i8") for name in ("at", "interval", "variant", "drawn_by")),
        *((name, "<f8") for name in ("trials", "reward")),
    ]
)

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
    settings: ExperimentSettings, *, weights: Mapping[str, float], costs: Mapping[str, float] | None = None
) -> Target:
    """Follows the settings' strategy, burn-in, floor and objective; the initial `weights` until something is counted.

    The target raises ValueError as `traffic_shares` and `utility` do.
    """

    def shares(names: Sequence[str], counts: Cells, history: Sequence[Cells]) -> Sequence[float]:
        measure = functools.partial(
            utility, objective=settings.objective, costs=[(costs or {}).get(name, 0.0) for name in names]
        )
        return traffic_shares(
            measure(counts),
            strategy=settings.strategy if any(trials for trials, _ in counts) else "WeightedSampling",
            weights=[weights[name] for name in names],
            epsilon=settings.epsilon,
            burn_in=settings.warmup,
            floor=settings.exploration_floor,
            history=[measure(interval) for interval in history],
        )

    return shares


@dataclasses.dataclass(frozen=True)
class ReplayedDecision:
    """The users of one Decision: by whose shares they were drawn, and by which they would have been."""

    decision: LoggedDecision
    users: int
    target: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Replay:
    """`evaluation` of the target on the users of `rounds`; `left_out` counts the others by the reason."""

    evaluation: Evaluation
    rounds: tuple[ReplayedDecision, ...]
    left_out: Mapping[str, int]


def replay(
    log: Log,
    target: Target,
    *,
    evidence: str = "weighted",
    confidence: float = 0.95,
    on_decision: Callable[[int], None] | None = None,
) -> Replay:
    """Evaluates the target on the log; `on_decision` is told after each Decision how many are done.

    `evidence`, `weighted` or `logged`, says what the target sees. Raises UnidentifiedError if the log cannot say,
    ValueError if a strategy refuses its settings.
    """
    if evidence not in EVIDENCE:
        raise ValueError(f"evidence: must be one of {', '.join(EVIDENCE)}, not {evidence!r}")
    groups = {key: list(users) for key, users in itertools.groupby(log.users, key=lambda user: user.decision_id)}
    rounds, cohorts, seen, known = list[ReplayedDecision](), list[Cohort](), 0, _ClosedTrials(log)
    for number, decision in enumerate(log.decisions):
        users, names = groups.get(decision.decision_id, []), list(decision.shares)
        history = known.until(number)
        shares = target(names, _totals(history, len(names)), history) if users else None
        if shares is not None:
            rounds.append(ReplayedDecision(decision, len(users), dict(zip(names, shares, strict=True))))
            cohorts += _cohorts(log.variant_names, rounds[-1], users, seen)
            seen += len(users)
            if evidence == "weighted":
                known.weigh(rounds[-1])
        if on_decision:
            on_decision(number + 1)
    _check_support(rounds, log.variant_names)
    left_out = {**log.left_out, NOT_JOINED: len(log.users) - seen}
    return Replay(
        evaluate(cohorts, confidence=confidence),
        tuple(rounds),
        {reason: count for reason, count in left_out.items() if count},
    )


def _check_support(rounds: Sequence[ReplayedDecision], names: Iterable[str]) -> None:
    if not rounds:
        raise UnidentifiedError("no user with a closed window was drawn while all variants of the target took part")
    for name in names:
        wanted = any(taken.target.get(name, 0) > 0 for taken in rounds)
        if wanted and not any(taken.decision.shares.get(name, 0) > 0 for taken in rounds):
            raise UnidentifiedError(
                f"{name} was never possible: no shares gave it traffic, so nothing says what it earns"
            )


def _cohorts(names: Sequence[str], taken: ReplayedDecision, users: Sequence[LoggedUser], seen: int) -> Iterator[Cohort]:
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


class _ClosedTrials:
    """What was closed when each Decision was taken; to be asked for one Decision after the other."""

    def __init__(self, log: Log) -> None:
        self._decisions = log.decisions
        self._places = {name: place for place, name in enumerate(log.variant_names)}
        self._numbers = {decision.decision_id: number for number, decision in enumerate(log.decisions)}
        self._changes = self._changes_of(log)
        self._taken_in = 0
        self._cells = np.zeros((2, len(log.decisions), len(log.variant_names)))  # trials and rewards by interval
        self._weights = np.ones((len(log.decisions) + 1, len(log.variant_names)))  # the last: of an unknown Decision

    def _changes_of(self, log: Log) -> Rows:
        """What becomes known when: that an invocation is a trial, and what reward it brought."""
        variant = np.array([self._places.get(str(draw.drawn), -1) for draw in log.draws], np.int64)
        number = np.array([self._numbers.get(str(draw.decision_id), -1) for draw in log.draws], np.int64)
        trials = only(log.trials, variant[log.trials["draw"]] >= 0)
        ends = np.array([columns.to_milliseconds(decision.as_of) for decision in log.decisions[1:]], np.int64)
        changes = np.zeros(len(trials), CHANGE)
        changes["interval"] = np.searchsorted(ends, trials["at"])
        changes["variant"], changes["drawn_by"] = variant[trials["draw"]], number[trials["draw"]]
        rewards = changes[trials["converted_at"] != NEVER]
        converted = trials[trials["converted_at"] != NEVER]
        changes["at"], changes["trials"] = trials["closed_at"], 1
        rewards["at"] = np.maximum(converted["closed_at"], converted["converted_at"])
        rewards["reward"] = converted["reward"]
        together = np.concatenate([changes, rewards])
        return together[np.argsort(together["at"], kind="stable")]

    def weigh(self, taken: ReplayedDecision) -> None:
        """From now on what the users of this Decision bring counts as often as the target would have drawn them."""
        for name, share in taken.decision.shares.items():
            weight = taken.target[name] / share if share else 0.0
            self._weights[self._numbers[taken.decision.decision_id], self._places[name]] = weight

    def until(self, number: int) -> list[Cells]:
        """(trials, reward) of the Decision's variants, by interval between Decisions, of invocation, oldest first.

        The first Decision has no interval before it. What nobody weighed counts once.
        """
        decision = self._decisions[number]
        end = int(np.searchsorted(self._changes["at"], columns.to_milliseconds(decision.as_of), side="right"))
        new = self._changes[self._taken_in : end]
        self._taken_in = max(self._taken_in, end)
        weight = self._weights[new["drawn_by"], new["variant"]]
        for cells, amount in zip(self._cells, (new["trials"], new["reward"]), strict=True):
            np.add.at(cells, (new["interval"], new["variant"]), weight * amount)
        trials, rewards = self._cells[:, :number, [self._places[name] for name in decision.shares]].tolist()
        return [list(zip(*interval, strict=True)) for interval in zip(trials, rewards, strict=True)]


def _totals(history: Sequence[Cells], arms: int) -> Cells:
    return [
        (math.fsum(cells[arm][0] for cells in history), math.fsum(cells[arm][1] for cells in history))
        for arm in range(arms)
    ]
