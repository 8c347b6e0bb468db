"""Concludes from users' outcomes whether an experiment is decided; a status once reached stays.

- decided: a variant is proven better than every other (`stopping`).
- equivalent: every challenger is proven to differ from the champion by less than the margin.
- stopped: the time limit passed without either. It counts from when the last variant joined, the experiment's start if
  none did later.

A new variant makes the experiment running again, since nothing is known of it.
"""

import dataclasses
import datetime
from collections.abc import Mapping

from abtest.experiment.allocation.utility import utility
from abtest.experiment.counting.counts import Counts
from abtest.experiment.evidence.confidence import effects
from abtest.experiment.evidence.stopping import Batch, Proof, verdict
from abtest.experiment.record.experiment import DECIDED, EQUIVALENT, RUNNING, STOPPED, Experiment
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Trials


@dataclasses.dataclass(frozen=True)
class Conclusion:
    """What the test has shown. `leader`: the winner if decided, the champion if equivalent, else the likely best.

    `e_values` are those against each other variant's being a best one and must reach `threshold`; `refuted` are the
    variants of which they have, and `crossed` says that these are all; `effects` are by how much the leader is better.
    """

    status: str
    leader: str
    e_values: Mapping[str, float]
    threshold: float
    effects: Mapping[str, Effect]
    refuted: frozenset[str] = frozenset()
    crossed: bool = False


def in_utility(experiment: Experiment, cells: Mapping[str, Trials]) -> list[Trials]:
    """Returns (trials, utility sum) in the variants' order, of (trials, reward sum) by variant; zeros for none."""
    counts = [cells.get(name, (0.0, 0.0)) for name in experiment.variant_names]
    costs = [variant.cost for variant in experiment.variants]
    return utility(counts, objective=experiment.settings.objective, costs=costs)


def _gains(experiment: Experiment, cells: Mapping[str, Trials]) -> dict[str, Trials]:
    """Returns utility before costs, which the test takes as differences: scaled to 0..1 they would blur the rewards."""
    return dict(zip(cells, utility(list(cells.values()), objective=experiment.settings.objective), strict=True))


def conclude(
    experiment: Experiment, counts: Counts, best: Mapping[str, float], *, now: datetime.datetime, trusted: bool
) -> Conclusion:
    """Tests the variants, of which `best` are P(best), and concludes. Counts that are not `trusted` prove nothing."""
    names = experiment.variant_names
    costs = {variant.variant_name: variant.cost for variant in experiment.variants}
    settings, batches = experiment.settings, batches_of(experiment, counts)
    test = verdict(batches, names, settings.alpha, margin=settings.margin, costs=costs, leaves=experiment.leaves)
    status = _status(experiment, test, now, trusted)
    leader = _leader(experiment, test, status) or max(names, key=lambda name: best[name])
    found = effects(batches, names, leader, threshold=test.threshold, costs=costs)
    e_values = {name: e_value for name, e_value in test.e_values.items() if name != leader}
    return Conclusion(status, leader, e_values, test.threshold, found, test.refuted, test.crossed)


def batches_of(experiment: Experiment, counts: Counts) -> list[Batch]:
    """The users by whom the variants are compared, in the order in which they entered."""
    found = counts.batches(experiment.compared_since)
    return [Batch(_gains(experiment, outcomes), shares) for outcomes, shares in found]


def _status(experiment: Experiment, test: Proof, now: datetime.datetime, trusted: bool) -> str:
    if experiment.status != RUNNING:
        return experiment.status
    if trusted and test.leader is not None:
        return DECIDED
    if trusted and test.equivalent:
        return EQUIVALENT
    return STOPPED if _is_over(experiment, now) else RUNNING


def _is_over(experiment: Experiment, now: datetime.datetime) -> bool:
    if experiment.settings.time_limit_hours is None or len(experiment.variants) < 2:
        return False
    began = max(experiment.started_at, *(variant.joined_at for variant in experiment.variants))
    return now - began >= datetime.timedelta(hours=experiment.settings.time_limit_hours)


def _leader(experiment: Experiment, test: Proof, status: str) -> str | None:
    if status == DECIDED:
        return experiment.leader or test.leader
    return experiment.variant_names[0] if status == EQUIVALENT else None


def standing(experiment: Experiment, conclusion: Conclusion, probability: float) -> str:
    """Says in one clause where the comparison stands; `probability` is the leader's of being the best."""
    leader, champion = conclusion.leader, experiment.variant_names[0]
    if conclusion.status == EQUIVALENT:
        return f"Every variant differs from {champion} by less than the margin of {experiment.settings.margin:g}"
    if conclusion.status == STOPPED:
        return f"The time limit of {experiment.settings.time_limit_hours:g} hours passed without a decision"
    if not conclusion.e_values:
        return f"{leader} serves alone"
    nearest = min(conclusion.e_values, key=lambda name: conclusion.e_values[name])
    evidence = f"e-value {conclusion.e_values[nearest]:.3g} against {nearest}, {conclusion.threshold:.3g} needed"
    if conclusion.status == DECIDED:
        return f"{leader} is better than every other variant: {evidence}"
    return f"{leader} is ahead with P(best) {probability:.3f}: {evidence}"


def guarantee(experiment: Experiment, conclusion: Conclusion) -> str:
    """Says how far you can trust the status; empty where one variant is alone."""
    if len(experiment.variants) == 1:
        return ""
    alpha, margin = experiment.settings.alpha, experiment.settings.margin
    equivalent = "" if margin is None else f", or call variants equivalent that differ by {margin:g} or more"
    level = (1 - 2 / conclusion.threshold) * 100
    return (
        f"You can check as often as you like: at most {alpha * 100:g} % of tests will ever name a variant while "
        f"another is better, or a challenger that is no better than the champion{equivalent}. This holds however the "
        "shares and rates move: each user counts once, by the mean reward of the user's period once it is known. An "
        f"interval contains the difference at all checks with probability {level:.3g} %, if the difference does not "
        "change. P(best) alone never ends the test."
    )
