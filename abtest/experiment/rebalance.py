"""Counts to a Decision: new shares where the counts justify them, the old ones with the reason where they do not."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from abtest.experiment import times
from abtest.experiment.confidence import Effect
from abtest.experiment.counts import Counts
from abtest.experiment.experiment import Experiment, decision_id
from abtest.experiment.health import Finding, health
from abtest.experiment.posterior import Trials, probability_best, value_remaining
from abtest.experiment.stopping import Verdict, verdict
from abtest.experiment.strategies import traffic_shares
from abtest.experiment.variants import Shares, VariantCounts

RUNNING = "running"
DECIDED = "decided"
LEAST_MOVE = 1e-6  # a smaller change of a share is none


@dataclasses.dataclass(frozen=True)
class Decision:
    """The record of one rebalance.

    `counts`, `probability_best`, `old_shares`, `new_shares` are by variant name. `value_remaining` is the 95th
    percentile of the relative gain still possible over the leader. `e_values` are the leader's against each other
    variant; it is decided once all reach `e_value_threshold`. `updated` says whether the shares changed; `reason` is
    a sentence, and so is `guarantee`: what the status is worth. `effects` are by how much the leader is better than
    each other variant that it shares an interval with, in units of reward less cost; so is `margin`. `findings` are
    what to know of the data's health before the rest is believed.
    """

    decision_id: str
    number: int
    experiment_id: str
    endpoint_name: str
    decided_at: datetime.datetime
    as_of: datetime.datetime
    strategy: str
    old_shares: Shares
    new_shares: Shares
    counts: Mapping[str, VariantCounts]
    probability_best: Mapping[str, float]
    value_remaining: float | None
    e_values: Mapping[str, float]
    e_value_threshold: float
    status: str
    leader: str
    reason: str
    updated: bool
    mode: str = "earn_first"
    objective: str = "maximize"
    margin: float | None = None
    alpha: float = 0.05
    effects: Mapping[str, Effect] = dataclasses.field(default_factory=dict)
    guarantee: str = ""
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON document: times as text, numbers, strings, dicts; keys as the fields."""
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return document | {
            "decided_at": times.to_text(self.decided_at),
            "as_of": times.to_text(self.as_of),
            "old_shares": dict(self.old_shares),
            "new_shares": dict(self.new_shares),
            "counts": {name: counts.to_json() for name, counts in self.counts.items()},
            "probability_best": dict(self.probability_best),
            "e_values": dict(self.e_values),
            "effects": {name: dataclasses.asdict(effect) for name, effect in self.effects.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Decision":
        """The Decision that `to_json` wrote; numbers may be Decimals, other keys are ignored.

        The fields with a default may be missing: earlier versions did not write them.
        """
        known = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
        value_remaining, margin = known["value_remaining"], known.get("margin")
        return cls(
            **known
            | {
                "number": int(known["number"]),
                "decided_at": times.from_text(known["decided_at"]),
                "as_of": times.from_text(known["as_of"]),
                "old_shares": Shares(_floats(known["old_shares"])),
                "new_shares": Shares(_floats(known["new_shares"])),
                "counts": {name: VariantCounts.from_json(item) for name, item in known["counts"].items()},
                "probability_best": _floats(known["probability_best"]),
                "value_remaining": None if value_remaining is None else float(value_remaining),
                "e_values": _floats(known["e_values"]),
                "e_value_threshold": float(known["e_value_threshold"]),
                "margin": None if margin is None else float(margin),
                "alpha": float(known.get("alpha", 0.05)),
                "effects": {name: Effect(**_floats(item)) for name, item in known.get("effects", {}).items()},
                "findings": tuple(Finding.from_json(item) for item in known.get("findings", ())),
            }
        )


def _floats(document: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in document.items()}


def decide(
    experiment: Experiment, counts: Counts, *, decided_at: datetime.datetime, number: int | None = None
) -> Decision:
    """The experiment's next Decision, from the counts of its events.

    `number` is one more than the experiment's count of Decisions if it is not given. In doubt (another experiment's
    counts, counts that went backwards, nothing counted yet, burn-in, settings that the strategy refuses) the old shares
    come back unchanged, with the reason. A leader once named stays named; its traffic is what the shares say.
    """
    number = experiment.decision_count + 1 if number is None else number
    names = experiment.variant_names
    known = {name: counts.of(name) for name in names}
    trials = [(float(known[name].invocation_count), known[name].reward_sum) for name in names]
    best = dict(zip(names, probability_best(trials), strict=True))
    test = verdict([interval.first_outcomes for interval in counts.history], names, experiment.alpha)
    leader = experiment.leader or test.leader or max(names, key=lambda name: best[name])
    shares, doubt = _new_shares(experiment, counts, trials)
    moved = any(abs(shares[name] - experiment.shares[name]) > LEAST_MOVE for name in names)
    decided = experiment.status == DECIDED or test.leader is not None
    return Decision(
        decision_id=decision_id(experiment.experiment_id, number),
        number=number,
        experiment_id=experiment.experiment_id,
        endpoint_name=experiment.endpoint_name,
        decided_at=times.truncated(decided_at),
        as_of=counts.as_of,
        strategy=experiment.strategy,
        old_shares=experiment.shares,
        new_shares=shares if moved else experiment.shares,
        counts=known,
        probability_best=best,
        value_remaining=value_remaining(trials) if any(n for n, _ in trials) else None,
        e_values=test.e_values[leader],
        e_value_threshold=test.threshold,
        status=DECIDED if decided else RUNNING,
        leader=leader,
        reason=_reason(doubt, _standing(leader, best[leader], decided, test)),
        updated=moved,
        findings=health(experiment, counts),
    )


def _new_shares(experiment: Experiment, counts: Counts, trials: Sequence[Trials]) -> tuple[Shares, str | None]:
    """The shares to draw by, and why they must stay as they are, if they must."""
    doubt = next((doubt for doubt in (check(experiment, counts) for check in DOUBTS) if doubt), None)
    if doubt:
        return experiment.shares, doubt
    names = experiment.variant_names
    history = [[interval.outcomes.get(name, (0, 0.0)) for name in names] for interval in counts.history]
    try:
        shares = traffic_shares(
            trials,
            strategy=experiment.strategy,
            weights=[variant.initial_weight for variant in experiment.variants],
            epsilon=experiment.epsilon,
            burn_in=experiment.warmup,
            floor=experiment.exploration_floor,
            history=history,
        )
    except ValueError as error:
        return experiment.shares, f"the settings cannot be followed ({error})"
    return Shares(dict(zip(names, shares, strict=True))), None


def _of_another(experiment: Experiment, counts: Counts) -> str | None:
    if counts.experiment_id == experiment.experiment_id:
        return None
    return f"the counts are of experiment {counts.experiment_id}"


def _went_back(experiment: Experiment, counts: Counts) -> str | None:
    if experiment.counted_until is None or counts.as_of >= experiment.counted_until:
        return None
    until, as_of = times.to_text(experiment.counted_until), times.to_text(counts.as_of)
    return f"the counts end at {as_of}, before {until}, to which an earlier Decision counted"


def _lost_events(experiment: Experiment, counts: Counts) -> str | None:
    before = sum(known.invocation_count for known in (experiment.counts or {}).values())
    now = sum(known.invocation_count for known in counts.variants.values())
    return f"{now} invocations are counted, {before} were before: events are missing" if now < before else None


def _nothing_counted(experiment: Experiment, counts: Counts) -> str | None:
    if any(counts.of(name).invocation_count for name in experiment.variant_names):
        return None
    pending = sum(counts.of(name).pending_invocation_count for name in experiment.variant_names)
    return f"no invocation's attribution window is over yet ({pending} pending)"


def _burn_in(experiment: Experiment, counts: Counts) -> str | None:
    least = min(experiment.variant_names, key=lambda name: counts.of(name).invocation_count)
    count = counts.of(least).invocation_count
    if count >= experiment.warmup:
        return None
    return f"burn-in: {least} has {count} of {experiment.warmup} invocations"


DOUBTS: tuple[Callable[[Experiment, Counts], str | None], ...] = (
    _of_another,
    _went_back,
    _lost_events,
    _nothing_counted,
    _burn_in,
)


def _standing(leader: str, probability: float, decided: bool, test: Verdict) -> str:
    """Where the comparison is, in one clause."""
    against = test.e_values[leader]
    if not against:
        return f"{leader} is alone"
    lowest = min(against, key=lambda name: against[name])
    evidence = f"e-value {against[lowest]:.3g} against {lowest}, {test.threshold:g} needed"
    if decided:
        return f"{leader} is better than every other variant: {evidence}"
    return f"{leader} is ahead with P(best) {probability:.3f}: {evidence}"


def _reason(doubt: str | None, standing: str) -> str:
    return f"Shares stay: {doubt}." if doubt else f"{standing}."
