"""Counts to a Decision: new shares where the counts justify them, the old ones with the reason where they do not.

Until the test is over, and after a winner was named, shares follow the strategy. In the mode learn_first half of the
traffic is split evenly over the variants not refuted until then: that is what decides. Where the test ended without a
winner, equivalent or stopped, the champion has all: nothing was shown to be better than what is trusted. During a
challenger's canary the shares stay and nothing is concluded; a variant that is out has none, and the others are
compared without it.

P(best), which the record holds, is what the strategy believes: Adaptive, that rates may have changed; all others
compare all that was counted of each variant, also where one joined late. Counting from the last joining only would take
rates that drift into account, and give back traffic to every variant that had lost before. What is proven
(`conclusion`) compares variants only within the intervals that they share.
"""

import dataclasses
import datetime
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from abtest.experiment.allocation.posterior import probability_best, value_remaining
from abtest.experiment.allocation.strategies import believed_best, learning, traffic_shares
from abtest.experiment.counting.counts import Counts
from abtest.experiment.evidence.conclusion import Conclusion, conclude, guarantee, in_utility, standing
from abtest.experiment.evidence.health import MISMATCH, health
from abtest.experiment.record import times
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import DECIDED, EQUIVALENT, RUNNING, STOPPED, Experiment, decision_id
from abtest.experiment.record.findings import WARNING, Finding
from abtest.experiment.record.settings import LEARN_FIRST
from abtest.experiment.record.variants import Shares, Trials, VariantCounts

Doubt: TypeAlias = Callable[[Experiment, Counts], str | None]

LEAST_MOVE = 1e-6  # a smaller change of a share is none


def decide(experiment: Experiment, counts: Counts, *, decided_at: datetime.datetime) -> Decision:
    """The experiment's next Decision, from the counts of its events.

    In doubt (another experiment's counts, counts that went backwards, nothing counted yet, burn-in, settings that the
    strategy refuses) the old shares come back unchanged, with the reason.
    """
    known = {name: counts.of(name) for name in experiment.variant_names}
    live = experiment.live
    trials = in_utility(live, {name: (one.user_count, one.user_mean_sum) for name, one in known.items()})
    history = _weighted_history(live, counts)
    best = dict(
        zip(live.variant_names, believed_best(trials, strategy=live.settings.strategy, history=history), strict=True)
    )
    findings = health(experiment, counts)
    trusted = _first_doubt(DISTRUST, live, counts) is None and not any(one.name == MISMATCH for one in findings)
    found = conclude(live, counts, best, now=decided_at, trusted=trusted)
    served, doubt = _new_shares(live, counts, history, found)
    shares = Shares({name: served.get(name, 0.0) for name in experiment.variant_names})
    moved = any(abs(shares[name] - experiment.shares[name]) > LEAST_MOVE for name in shares)
    return _next_decision(
        experiment,
        live,
        found,
        decided_at=times.truncated(decided_at),
        as_of=counts.as_of,
        new_shares=shares if moved else experiment.shares,
        counts=known,
        probability_best=best,
        value_remaining=value_remaining(trials) if any(n for n, _ in trials) else None,
        reason=_reason(live, found, standing(live, found, best[found.leader]), doubt) + _who_is_out(experiment),
        updated=moved,
        findings=(*findings, *_crossed(found)),
    )


def decide_change(
    running: Experiment, changed: Experiment, now: datetime.datetime, reason: str
) -> tuple[Experiment, Decision]:
    """The experiment `changed`, which has or serves other variants than `running`, and the Decision that makes it so.

    The Decision ends an interval; `reason` is a sentence. It goes by no counts: they stay as they are and prove nothing
    yet. Its status is that of `changed`: where variants join, nothing is known of them, and it is running again.
    """
    if _ends_comparison(running, changed):
        changed = dataclasses.replace(changed, leaves=running.leaves + 1, compared_since=running.decision_count + 1)
    known = {name: (running.counts or {}).get(name, VariantCounts()) for name in changed.variant_names}
    trials = {name: (count.user_count, count.user_mean_sum) for name, count in known.items()}
    live = changed.live
    best = dict(zip(live.variant_names, probability_best(in_utility(live, trials)), strict=True))
    unknown = conclude(live, Counts(changed.experiment_id, now, {}, ()), best, now=now, trusted=False)
    decision = _next_decision(
        running,
        live,
        dataclasses.replace(unknown, status=changed.status),
        decided_at=now,
        as_of=now,
        new_shares=changed.shares,
        counts=known,
        probability_best=best,
        value_remaining=None,
        reason=reason,
        updated=True,
    )
    return dataclasses.replace(changed, decision_id=decision.decision_id, decision_count=decision.number), decision


def _ends_comparison(running: Experiment, changed: Experiment) -> bool:
    """Whether a variant that was compared no longer is.

    One of two that is out only waits, as it can come back to the same other: it has left once it goes or a third comes.
    """
    if len(running.variants) == 2:
        compared, same = set(running.variant_names), changed.packages == running.packages
        return not same and bool(running.out or compared - set(changed.variant_names))
    return bool(set(running.live.variant_names) - set(changed.live.variant_names))


def _next_decision(experiment: Experiment, live: Experiment, found: Conclusion, **fields: Any) -> Decision:
    """The experiment's next Decision: what is proven of `live`, its variants that serve, under which settings."""
    number = experiment.decision_count + 1
    return Decision(
        decision_id=decision_id(experiment.experiment_id, number),
        number=number,
        experiment_id=experiment.experiment_id,
        endpoint_name=experiment.endpoint_name,
        settings=experiment.settings,
        old_shares=experiment.shares,
        status=found.status,
        leader=found.leader,
        e_values=found.e_values,
        e_value_threshold=found.threshold,
        effects=found.effects,
        guarantee=guarantee(live, found),
        **fields,
    )


def _new_shares(
    experiment: Experiment, counts: Counts, history: list[list[Trials]], found: Conclusion
) -> tuple[Shares, str | None]:
    """The shares to draw by, and why they must stay as they are, if they must."""
    keeper = _keeper(experiment, found)
    if keeper is not None:
        return Shares({name: float(name == keeper) for name in experiment.variant_names}), None
    doubt = _first_doubt(DOUBTS, experiment, counts)
    if doubt:
        return experiment.shares, doubt
    try:
        shares = _strategys_shares(experiment, history, found)
    except ValueError as error:
        return experiment.shares, f"the settings cannot be followed ({error})"
    return Shares(dict(zip(experiment.variant_names, shares, strict=True))), None


def _keeper(experiment: Experiment, found: Conclusion) -> str | None:
    """Who has all traffic once the test is over without a winner; None while the strategy says who gets what."""
    return experiment.variant_names[0] if found.status in (EQUIVALENT, STOPPED) else None


def _weighted_history(experiment: Experiment, counts: Counts) -> list[list[Trials]]:
    """Users by time of the first invocation; an open window counts only as far as conversions usually have arrived."""
    return [in_utility(experiment, interval) for interval in counts.weighted_history]


def _strategys_shares(experiment: Experiment, history: list[list[Trials]], found: Conclusion) -> list[float]:
    sums = [(math.fsum(n for n, _ in arm), math.fsum(s for _, s in arm)) for arm in zip(*history, strict=True)]
    shares = traffic_shares(
        sums,
        strategy=experiment.settings.strategy,
        weights=[variant.initial_weight for variant in experiment.variants],
        epsilon=experiment.settings.epsilon,
        floor=experiment.settings.exploration_floor,
        history=history,
    )
    if experiment.settings.mode != LEARN_FIRST or found.status != RUNNING:
        return shares
    compared = [name not in found.refuted for name in experiment.variant_names]
    mixed: list[float] = learning(np.array([shares]), np.array([compared]))[0].tolist()
    return mixed


def _first_doubt(doubts: Sequence[Doubt], experiment: Experiment, counts: Counts) -> str | None:
    return next((doubt for doubt in (check(experiment, counts) for check in doubts) if doubt), None)


def _canary(experiment: Experiment, counts: Counts) -> str | None:
    lasting = {name: end for name, end in experiment.canary_until.items() if name in experiment.shares}
    last = max(lasting, key=lambda name: lasting[name], default=None)
    if last is None or counts.as_of >= lasting[last]:
        return None
    return f"{last} is a canary until {times.to_text(lasting[last])}"


def _of_another(experiment: Experiment, counts: Counts) -> str | None:
    if counts.experiment_id == experiment.experiment_id:
        return None
    return f"the counts are those of another experiment, {counts.experiment_id}"


def _went_back(experiment: Experiment, counts: Counts) -> str | None:
    if experiment.counted_until is None or counts.as_of >= experiment.counted_until:
        return None
    until, as_of = times.to_text(experiment.counted_until), times.to_text(counts.as_of)
    return f"the counts end at {as_of}, but an earlier Decision counted up to {until}"


def _lost_events(experiment: Experiment, counts: Counts) -> str | None:
    before = sum(known.invocation_count for known in (experiment.counts or {}).values())
    now = sum(known.invocation_count for known in counts.variants.values())
    return f"events are missing (invocations counted: {now} now, {before} before)" if now < before else None


def _nothing_counted(experiment: Experiment, counts: Counts) -> str | None:
    if any(counts.of(name).invocation_count for name in experiment.variant_names):
        return None
    pending = sum(counts.of(name).pending_invocation_count for name in experiment.variant_names)
    if not pending:
        return "there is no invocation yet"
    return f"no invocation's attribution window is over yet ({pending} pending)"


def _burn_in(experiment: Experiment, counts: Counts) -> str | None:
    least = min(experiment.variant_names, key=lambda name: counts.of(name).invocation_count)
    count = counts.of(least).invocation_count
    if count >= experiment.settings.warmup:
        return None
    return f"burn-in: {least} has {count} of {experiment.settings.warmup} invocations"


# Nothing is concluded while one of these holds.
DISTRUST: tuple[Doubt, ...] = (_of_another, _went_back, _lost_events, _canary)
DOUBTS: tuple[Doubt, ...] = (*DISTRUST, _nothing_counted, _burn_in)


def _crossed(found: Conclusion) -> list[Finding]:
    """The finding that no variant can be the best one throughout."""
    if not found.crossed or found.status == DECIDED:
        return []
    sentence = (
        "Rates crossed: every variant is proven not to have been the best one all along, so none will be named. "
        "Look for what changed, and begin a new experiment, or approve a new challenger."
    )
    return [Finding("rates_crossed", WARNING, sentence, {"e_value_needed": found.threshold})]


def _reason(experiment: Experiment, found: Conclusion, stands: str, doubt: str | None) -> str:
    keeper = _keeper(experiment, found)
    if keeper is not None:
        return f"{stands}; {keeper} gets all traffic."
    if found.status == DECIDED:
        return f"{stands}; shares {f'stay: {doubt}' if doubt else f'follow {experiment.settings.strategy}'}."
    return f"Shares stay: {doubt}." if doubt else f"{stands}."


def _who_is_out(experiment: Experiment) -> str:
    return "".join(f" {name} is out: {why}" for name, why in experiment.out.items())
