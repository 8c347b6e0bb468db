"""What the events say of who was drawn by which shares, and what came of it: the input of a replay."""

import dataclasses
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.counting import columns
from abtest.experiment.counting.count import apart, events_of, first_by_user, randomised, trials_of
from abtest.experiment.counting.event_table import Draw, EventTable, Rows

SHARES_ERROR = 1e-6
MILLISECOND = datetime.timedelta(milliseconds=1)
REWARDS = ("first", "mean")  # of a user: that of the first invocation, or the mean of all

# Why a user does not say what another allocation would have earned.
OPEN, NO_PROPENSITY, IMPOSSIBLE, UNKNOWN_DECISION = REASONS = (
    "attribution window still open",
    "no Decision or no propensity recorded",
    "propensity 0: the variant was not drawn",
    "by a Decision that is not on record",
)

Appeared: TypeAlias = Mapping[Draw, int]  # when users were first drawn like that, in milliseconds since 1970


@dataclasses.dataclass(frozen=True)
class LoggedDecision:
    """`shares` (0..1, by variant name) drew the users; they follow from what was closed at `as_of`.

    A variant that is not in `shares` did not take part, one with share 0 did.
    """

    decision_id: str
    as_of: datetime.datetime
    shares: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class LoggedUser:
    """A user, the variant drawn and the reward (0..1) that it brought."""

    decision_id: str
    variant: str
    reward: float


@dataclasses.dataclass(frozen=True)
class Log:
    """One experiment's randomised traffic up to the last event, `as_of`.

    `decisions` are in their order, `users` in that of their Decisions, then by time; `trials` are all randomised ones
    (rows of `counting.count`), of which `draws` says how each variant was drawn.
    `left_out` counts users (and, by strategy, invocations that nobody drew) that are not among `users`, by the reason.
    `guessed_decisions` counts Decisions under which two or more variants got nobody: what is left of the shares is
    divided evenly among these, which only the model of the reward sees.
    """

    experiment_id: str
    as_of: datetime.datetime
    variant_names: tuple[str, ...]
    decisions: tuple[LoggedDecision, ...]
    users: tuple[LoggedUser, ...]
    trials: Rows
    draws: tuple[Draw, ...]
    left_out: Mapping[str, int]
    guessed_decisions: int = 0
    malformed_lines: int = 0

    @property
    def initial_weights(self) -> dict[str, float]:
        """The first share of each variant."""
        weights: dict[str, float] = {}
        for decision in self.decisions:
            weights = {**decision.shares, **weights}
        return weights

    @property
    def strategies(self) -> tuple[str, ...]:
        """Those that drew the users."""
        return tuple(sorted({self.draws[place].strategy for place in np.unique(self.trials["draw"])}))


def experiment_ids(table: EventTable) -> list[str]:
    """The experiments that drew users, sorted."""
    return sorted({draw.experiment_id for draw in table.draws if draw.drawn is not None})


def read_log(
    table: EventTable,
    *,
    experiment_id: str,
    attribution_window_seconds: int = 0,
    decisions: Sequence[LoggedDecision] | None = None,
    reward: str = "first",
) -> Log:
    """The log of one experiment; of each user the `reward` of the first invocation, or the `mean` of all closed ones.

    `decisions`, in their order, are read off the propensities if they are not given. Raises ValueError if nobody was
    drawn, or if propensities contradict each other or the Decisions.
    """
    if reward not in REWARDS:
        raise ValueError(f"reward: must be one of {', '.join(REWARDS)}, not {reward!r}")
    invocations, conversions = events_of(table, experiment_id)
    all_trials, _ = trials_of(invocations, conversions, attribution_window_seconds)
    _, trials = randomised(all_trials, table.draws)
    first = first_by_user(trials)
    known = _appeared(first, table.draws)
    if not known:
        raise ValueError(f"{experiment_id}: no event says with which share (propensity) a user's variant was drawn")
    guessed = 0
    if decisions is None:
        decisions, guessed = _inferred(known)
    _check(known, decisions)
    until = max(int(rows["at"].max(initial=0)) for rows in (invocations, conversions))
    reasons = _reasons(first, table.draws, {decision.decision_id for decision in decisions}, until)
    left_out = zip(REASONS, np.bincount(reasons, minlength=len(REASONS) + 1).tolist(), strict=False)
    earned = _means(trials[trials["closed_at"] <= until], first, table.draws) if reward == "mean" else first["reward"]
    used = reasons == len(REASONS)
    return Log(
        experiment_id=experiment_id,
        as_of=columns.EPOCH + until * MILLISECOND,
        variant_names=_names(decisions, known),
        decisions=tuple(decisions),
        users=tuple(_users(first[used], earned[used], table.draws, decisions)),
        trials=trials,
        draws=table.draws,
        left_out={f"{strategy} invocations": number for strategy, number in apart(all_trials, table.draws).items()}
        | {reason: number for reason, number in left_out if number},
        guessed_decisions=guessed,
        malformed_lines=len(table.malformed),
    )


def _problem(draw: Draw) -> str | None:
    """Why this does not say how a user was drawn, if it does not."""
    if draw.decision_id is None or draw.propensity is None:
        return NO_PROPENSITY
    return IMPOSSIBLE if draw.propensity == 0 else None


def _appeared(first: Rows, draws: Sequence[Draw]) -> dict[Draw, int]:
    """How users were drawn: each way with the time at which it first appeared, in this order."""
    by_time = first[np.argsort(first["at"], kind="stable")]
    places, index = np.unique(by_time["draw"], return_index=True)
    order = np.argsort(index)
    ways = zip(places[order].tolist(), by_time["at"][index[order]].tolist(), strict=True)
    return {draws[place]: at for place, at in ways if _problem(draws[place]) is None}


def _reasons(first: Rows, draws: Sequence[Draw], known: set[str], until: int) -> NDArray[np.int64]:
    """For each user the place in REASONS of why nothing can be said of them; behind the last if there is no reason."""
    fine = len(REASONS)
    by_draw = np.full(len(draws), fine)
    for place in np.unique(first["draw"]):
        problem = _problem(draws[place]) or (None if draws[place].decision_id in known else UNKNOWN_DECISION)
        by_draw[place] = REASONS.index(problem) if problem else fine
    reasons = by_draw[first["draw"]]
    return np.where((reasons == fine) & (first["closed_at"] > until), REASONS.index(OPEN), reasons)


def _names(decisions: Iterable[LoggedDecision], known: Appeared) -> tuple[str, ...]:
    named = [name for decision in decisions for name in decision.shares]
    return tuple(dict.fromkeys([*named, *sorted({str(draw.variant) for draw in known})]))


def _users(first: Rows, earned: Floats, draws: Sequence[Draw], decisions: Sequence[LoggedDecision]) -> list[LoggedUser]:
    """By their Decisions, then by time."""
    order = {decision.decision_id: number for number, decision in enumerate(decisions)}
    numbers = np.array([order.get(str(draw.decision_id), -1) for draw in draws], np.int64)[first["draw"]]
    by_time = np.lexsort((first["at"], numbers))
    how = (draws[place] for place in first["draw"][by_time])
    pairs = zip(how, earned[by_time].tolist(), strict=True)
    return [LoggedUser(str(draw.decision_id), str(draw.variant), reward) for draw, reward in pairs]


def _means(closed: Rows, first: Rows, draws: Sequence[Draw]) -> Floats:
    """For each user's draw the mean reward of its closed invocations; 0 where none is closed."""
    ways = {(draw.decision_id, draw.variant): number for number, draw in enumerate(draws)}
    codes = np.array([ways[draw.decision_id, draw.variant] for draw in draws], np.uint64)
    keys, wanted = (rows["user"] * np.uint64(len(draws)) + codes[rows["draw"]] for rows in (closed, first))
    found, number = np.unique(np.concatenate([wanted, keys]), return_inverse=True)
    number = number[len(wanted) :]
    sums, counts = np.bincount(number, closed["reward"], len(found)), np.bincount(number, minlength=len(found))
    means: Floats = (sums / np.maximum(counts, 1))[np.searchsorted(found, wanted)]
    return means


def _inferred(known: Appeared) -> tuple[list[LoggedDecision], int]:
    """The Decisions as the propensities of their users show them, and under how many the shares are partly guessed.

    A Decision follows from what was closed just before its first user came. What its users' shares leave belongs to
    the variants that none of them drew; if nothing is left, those that had traffic earlier have share 0, and the others
    have not joined yet.
    """
    groups: dict[str, dict[str, float]] = {}
    began: dict[str, int] = {}
    for draw, at in known.items():
        groups.setdefault(str(draw.decision_id), {})[str(draw.variant)] = float(draw.propensity or 0)
        began.setdefault(str(draw.decision_id), at)
    names = dict.fromkeys(name for seen in groups.values() for name in seen)
    decisions, guessed, joined = [], 0, set[str]()
    for decision_id, seen in groups.items():
        absent = [name for name in names if name not in seen]
        rest = 1 - math.fsum(seen.values())
        possible = absent if rest > SHARES_ERROR else []
        guessed += len(possible) > 1
        joined |= {*seen, *possible}
        shares = {name: seen.get(name, rest / len(absent) if name in possible else 0.0) for name in names}
        taking_part = {name: share for name, share in shares.items() if name in joined}
        as_of = columns.EPOCH + (began[decision_id] - 1) * MILLISECOND
        decisions.append(LoggedDecision(decision_id, as_of, taking_part))
    return decisions, guessed


def _check(known: Appeared, decisions: Iterable[LoggedDecision]) -> None:
    """Raises ValueError if a propensity is not the Decision's share, or shares exceed 1."""
    shares = {decision.decision_id: decision.shares for decision in decisions}
    for decision_id, given in shares.items():
        if math.fsum(given.values()) > 1 + SHARES_ERROR:
            raise ValueError(f"{decision_id}: the propensities of its variants sum to {math.fsum(given.values()):g}")
    for draw in known:
        variant, propensity = str(draw.variant), draw.propensity or 0.0
        share = shares.get(str(draw.decision_id), {variant: propensity}).get(variant, 0.0)
        if abs(share - propensity) > SHARES_ERROR:
            raise ValueError(
                f"{draw.decision_id}: {variant} has share {share:g}, "
                f"but users were drawn with propensity {propensity:g}"
            )
