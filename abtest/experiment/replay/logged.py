"""What the events say of who was drawn by which shares, and what came of it: the input of a replay."""

import collections
import dataclasses
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence

from abtest.experiment.counting.trials import Trial, distinct_events, first_by_user, trials_of
from abtest.experiment.record.events import EventError, parse

SHARES_ERROR = 1e-6
EVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)
REWARDS = ("first", "mean")  # of a user: that of the first invocation, or the mean of all

OPEN, NO_PROPENSITY, IMPOSSIBLE, UNKNOWN_DECISION = (
    "attribution window still open",
    "no Decision or no propensity recorded",
    "propensity 0: the variant was not drawn",
    "by a Decision that is not on record",
)


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

    `decisions` are in their order, `users` in that of their Decisions, then by time; `trials` are all randomised ones.
    `left_out` counts users (and, by strategy, invocations that nobody drew) that are not among `users`, by the reason.
    `guessed_decisions` counts Decisions under which two or more variants got nobody: what is left of the shares is
    divided evenly among these, which only the model of the reward sees.
    """

    experiment_id: str
    as_of: datetime.datetime
    variant_names: tuple[str, ...]
    decisions: tuple[LoggedDecision, ...]
    users: tuple[LoggedUser, ...]
    trials: tuple[Trial, ...]
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


def experiment_ids(lines: Iterable[str]) -> list[str]:
    """The experiments that drew users in these lines, sorted; malformed lines say nothing."""
    found = set()
    for line in lines:
        try:
            event = parse(line)
        except EventError:
            continue
        if event.randomised:
            found.add(event.experiment_id)
    return sorted(found)


def read_log(
    lines: Iterable[str],
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
    window = datetime.timedelta(seconds=attribution_window_seconds)
    read = distinct_events(lines, experiment_id, EVER)
    trials, _ = trials_of(read.events, window)
    randomised = [trial for trial in trials if trial.invocation.randomised]
    first = first_by_user(randomised)
    drawn = [trial for trial in first if _problem(trial) is None]
    if not drawn:
        raise ValueError(f"{experiment_id}: no event says with which share (propensity) a user's variant was drawn")
    guessed = 0
    if decisions is None:
        decisions, guessed = _inferred(drawn)
    as_of = max(event.timestamp for event in read.events)
    known, names = {decision.decision_id for decision in decisions}, _names(decisions, drawn)
    _check(drawn, decisions)
    usable = [trial for trial in drawn if trial.invocation.decision_id in known and trial.closed_at <= as_of]
    return Log(
        experiment_id=experiment_id,
        as_of=as_of,
        variant_names=names,
        decisions=tuple(decisions),
        users=tuple(_users(usable, randomised, decisions, as_of, reward)),
        trials=tuple(randomised),
        left_out=_left_out(trials, first, known, as_of),
        guessed_decisions=guessed,
        malformed_lines=len(read.malformed),
    )


def _problem(trial: Trial) -> str | None:
    """Why the trial does not say how its user was drawn, if it does not."""
    if trial.invocation.decision_id is None or trial.invocation.propensity is None:
        return NO_PROPENSITY
    return IMPOSSIBLE if trial.invocation.propensity == 0 else None


def _left_out(
    trials: Iterable[Trial], first: Iterable[Trial], known: set[str], as_of: datetime.datetime
) -> dict[str, int]:
    apart = (f"{t.invocation.strategy} invocations" for t in trials if not t.invocation.randomised)
    counts = collections.Counter(sorted(apart))
    for trial in first:
        problem = _problem(trial)
        if problem is None and trial.invocation.decision_id not in known:
            problem = UNKNOWN_DECISION
        if problem is None and trial.closed_at > as_of:
            problem = OPEN
        if problem:
            counts[problem] += 1
    return dict(counts)


def _names(decisions: Iterable[LoggedDecision], drawn: Iterable[Trial]) -> tuple[str, ...]:
    named = [name for decision in decisions for name in decision.shares]
    return tuple(dict.fromkeys([*named, *sorted({trial.variant for trial in drawn})]))


def _users(
    usable: Sequence[Trial],
    randomised: Iterable[Trial],
    decisions: Sequence[LoggedDecision],
    as_of: datetime.datetime,
    reward: str,
) -> list[LoggedUser]:
    if reward not in REWARDS:
        raise ValueError(f"reward: must be one of {', '.join(REWARDS)}, not {reward!r}")
    means = _means(randomised, as_of) if reward == "mean" else {}
    order = {decision.decision_id: number for number, decision in enumerate(decisions)}
    users = []
    for trial in sorted(usable, key=lambda trial: (order[str(trial.invocation.decision_id)], *_when(trial))):
        earned = means[_draw(trial)] if reward == "mean" else trial.reward(as_of)
        users.append(LoggedUser(str(trial.invocation.decision_id), trial.variant, earned))
    return users


def _when(trial: Trial) -> tuple[datetime.datetime, str]:
    return trial.invocation.timestamp, trial.invocation.inference_id


def _draw(trial: Trial) -> tuple[str, str | None, str]:
    return trial.invocation.user_id, trial.invocation.decision_id, trial.variant


def _means(randomised: Iterable[Trial], as_of: datetime.datetime) -> dict[tuple[str, str | None, str], float]:
    """Each draw's mean reward over its closed invocations."""
    rewards: dict[tuple[str, str | None, str], list[float]] = {}
    for trial in randomised:
        if trial.closed_at <= as_of:
            rewards.setdefault(_draw(trial), []).append(trial.reward(as_of))
    return {draw: math.fsum(earned) / len(earned) for draw, earned in rewards.items()}


def _inferred(drawn: Iterable[Trial]) -> tuple[list[LoggedDecision], int]:
    """The Decisions as the propensities of their users show them, and under how many the shares are partly guessed.

    A Decision follows from what was closed just before its first user came. What its users' shares leave belongs to
    the variants that none of them drew; if nothing is left, those that had traffic earlier have share 0, and the others
    have not joined yet.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in sorted(drawn, key=_when):
        groups.setdefault(str(trial.invocation.decision_id), []).append(trial)
    names = dict.fromkeys(trial.variant for trials in groups.values() for trial in trials)
    decisions, guessed, joined = [], 0, set[str]()
    for decision_id, trials in groups.items():
        seen = {trial.variant: float(trial.invocation.propensity or 0) for trial in trials}
        absent = [name for name in names if name not in seen]
        rest = 1 - math.fsum(seen.values())
        possible = absent if rest > SHARES_ERROR else []
        guessed += len(possible) > 1
        joined |= {*seen, *possible}
        shares = {name: seen.get(name, rest / len(absent) if name in possible else 0.0) for name in names}
        taking_part = {name: share for name, share in shares.items() if name in joined}
        decisions.append(LoggedDecision(decision_id, trials[0].invocation.timestamp - MILLISECOND, taking_part))
    return decisions, guessed


def _check(drawn: Iterable[Trial], decisions: Iterable[LoggedDecision]) -> None:
    """Raises ValueError if a user's propensity is not the Decision's share, or shares exceed 1."""
    shares = {decision.decision_id: decision.shares for decision in decisions}
    for decision_id, given in shares.items():
        if math.fsum(given.values()) > 1 + SHARES_ERROR:
            raise ValueError(f"{decision_id}: the propensities of its variants sum to {math.fsum(given.values()):g}")
    for trial in drawn:
        given = shares.get(str(trial.invocation.decision_id), {trial.variant: trial.invocation.propensity or 0.0})
        share, propensity = given.get(trial.variant, 0.0), trial.invocation.propensity or 0.0
        if abs(share - propensity) > SHARES_ERROR:
            raise ValueError(
                f"{trial.invocation.decision_id}: {trial.variant} has share {share:g}, "
                f"but user {trial.invocation.user_id} was drawn with propensity {propensity:g}"
            )
