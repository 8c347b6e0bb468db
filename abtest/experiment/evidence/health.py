"""Finds what may be wrong with an experiment's data, and says it with numbers; it moves no share."""

import math
from collections.abc import Callable, Mapping

from abtest.experiment.counting.counts import Counts
from abtest.experiment.evidence.drift import Drift, drift
from abtest.experiment.evidence.sample_ratio import sample_ratio
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.findings import NOTICE, WARNING, Finding

# The chance that a check of a healthy experiment ever fires, however often it is looked at.
MISMATCH_ALPHA = 0.01
MISMATCH = "sample_ratio_mismatch"  # nothing is concluded where this is found
DRIFT_ALPHA = 0.05

NOBODY = (0, 0.0)  # users and reward
LEAST_EXPECTED = 5.0  # Cochran's rule for counts in a table (Biometrics, 1954)
MOST_MALFORMED = 0.01  # of all lines
MOST_LATE = 0.1  # of conversions
MOST_ORPHANS = 0.05  # of conversions; some are on their way before their invocations
MOST_OF_A_USER = 0.1  # of invocations
MOST_APART = 0.1  # of invocations: Fallback, where no variant was drawn
LEAST_EVENTS = 20  # fewer of them make no share


def health(experiment: Experiment, counts: Counts) -> tuple[Finding, ...]:
    """Returns what to know before you believe the comparison: warnings first; empty if all is well."""
    findings = [finding for check in CHECKS for finding in check(experiment, counts)]
    return tuple(sorted(findings, key=lambda finding: finding.severity != WARNING))


def _sample_ratio(experiment: Experiment, counts: Counts) -> list[Finding]:
    needed = 1 / MISMATCH_ALPHA
    found = sample_ratio(counts.new_users, experiment.variant_names)
    if len(experiment.variants) < 2 or found.e_value < needed:
        return []
    sentence = (
        f"Sample-ratio mismatch: {found.variant_name} has {found.users:,} of {found.total:,} new users, where its "
        f"shares give {found.expected:,.0f} (e-value {_e_value(found.e_value)}, {needed:g} needed). This is more than "
        "chance, so no variant is named. Look for invocations that fail, time out or are not logged on one variant, "
        "and begin a new experiment once that is mended."
    )
    figures = {
        "e_value": found.e_value,
        "e_value_needed": needed,
        "users": found.users,
        "expected": found.expected,
        "total": found.total,
    }
    return [Finding(MISMATCH, WARNING, sentence, figures)]


def _drift(experiment: Experiment, counts: Counts) -> list[Finding]:
    """Compares each challenger with the champion over time, by users' outcomes."""
    champion, *challengers = experiment.variant_names
    needed = len(challengers) / DRIFT_ALPHA
    batches = [interval.outcomes for interval in counts.history]
    findings = []
    for name in challengers:
        cells = [(batch.get(name, NOBODY), batch.get(champion, NOBODY)) for batch in batches]
        found = drift([(a, b) for a, b in cells if a[0] and b[0]])
        if found is not None and found.e_value >= needed:
            findings.append(_drift_finding(name, champion, found, needed))
    return findings


def _drift_finding(name: str, champion: str, found: Drift, needed: float) -> Finding:
    shrank = abs(found.late) < abs(found.early)
    sentence = (
        f"Drift: the rate of {name} less that of {champion} went from {_points(found.early)} in the first half of the "
        f"users to {_points(found.late)} in the second (e-value {_e_value(found.e_value)}, {needed:g} needed). "
        f"{'A novelty may be wearing off' if shrank else 'The rates do not stay as they were'}: go by the later "
        "figure. The check assumes that time alone moves all variants alike. It compares users by their first "
        "outcome, so it does not see a novelty that wears off within a user."
    )
    figures = {"e_value": found.e_value, "e_value_needed": needed, "early": found.early, "late": found.late}
    return Finding("drift", WARNING, sentence, figures)


def _e_value(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else "over a million"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f} percentage points"


def _few_conversions(experiment: Experiment, counts: Counts) -> list[Finding]:
    """Finds variants that can expect few conversions at the common rate: a bad variant is not a little known one."""
    trials = {name: counts.of(name).invocation_count for name in experiment.variant_names}
    total = sum(trials.values())
    if not total:
        return []
    rate = math.fsum(counts.of(name).reward_sum for name in trials) / total
    kind = "conversions" if rate <= 0.5 else "missed conversions"
    expected = {name: count * min(rate, 1 - rate) for name, count in trials.items()}
    few = {name: number for name, number in expected.items() if number < LEAST_EXPECTED}
    if not few:
        return []
    sentence = (
        f"Too few conversions: at the common rate of {rate:.2%}, {_listed(few)} can expect fewer than "
        f"{LEAST_EXPECTED:g} {kind}. Wait for more users: until then shares and P(best) follow chance and the prior "
        "more than the models."
    )
    return [Finding("few_conversions", NOTICE, sentence, few | {"rate": rate})]


def _listed(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} ({number:.1f})" for name, number in numbers.items())


def _reward_range(_: Experiment, counts: Counts) -> list[Finding]:
    count = counts.reward_out_of_range_count
    if not count:
        return []
    sentence = (
        f"Rewards out of range: {count:,} {'conversion has' if count == 1 else 'conversions have'} a reward that is "
        "no number from 0 to 1. They are in quarantine and count as no conversion. Scale rewards before you send them."
    )
    return [Finding("reward_out_of_range", WARNING, sentence, {"count": count})]


def _malformed(_: Experiment, counts: Counts) -> list[Finding]:
    malformed = counts.malformed_line_count
    return _share_finding(
        ("malformed_lines", WARNING),
        (malformed, _invocations(counts) + _conversions(counts) + malformed, MOST_MALFORMED),
        "Malformed events: {part:,} of {whole:,} lines ({share:.1%}) are no events. They are in quarantine: look "
        "there for the reasons.",
    )


def _late(_: Experiment, counts: Counts) -> list[Finding]:
    return _share_finding(
        ("late_conversions", NOTICE),
        (counts.late_conversion_count, _conversions(counts), MOST_LATE),
        "Late conversions: {part:,} of {whole:,} ({share:.1%}) came after the attribution window and count for "
        "nothing. A longer attribution_window_seconds counts more of them.",
    )


def _orphans(_: Experiment, counts: Counts) -> list[Finding]:
    return _share_finding(
        ("orphan_conversions", WARNING),
        (counts.orphan_conversion_count, _conversions(counts), MOST_ORPHANS),
        "Orphan conversions: {part:,} of {whole:,} ({share:.1%}) name an invocation that is not among the "
        "events, so they count for no variant. Look for events that were lost or are late.",
    )


def _fallback(_: Experiment, counts: Counts) -> list[Finding]:
    return _share_finding(
        ("fallback_traffic", NOTICE),
        (counts.apart.get("Fallback", 0), _invocations(counts), MOST_APART),
        "Fallback traffic: {part:,} of {whole:,} invocations ({share:.1%}) were served without drawing a variant, so "
        "they teach nothing. Look in the API's log for why assignments fail.",
    )


def _heavy_user(_: Experiment, counts: Counts) -> list[Finding]:
    return _share_finding(
        ("heavy_user", NOTICE),
        (counts.heaviest_user_count, _randomised(counts), MOST_OF_A_USER),
        "Heavy user: one user sent {part:,} of {whole:,} invocations ({share:.1%}). The user counts as one. Look "
        "whether it is a health check, a crawler or a load test, and leave that out.",
    )


def _share_finding(kind: tuple[str, str], numbers: tuple[int, int, float], sentence: str) -> list[Finding]:
    """Returns a finding if `part` of `whole` exceeds `most` (0..1); the sentence has places for part, whole, share."""
    (name, severity), (part, whole, most) = kind, numbers
    if whole < LEAST_EVENTS or part <= most * whole:
        return []
    share = part / whole
    figures = {"count": part, "of": whole, "share": share, "most": most}
    return [Finding(name, severity, sentence.format(part=part, whole=whole, share=share), figures)]


def _invocations(counts: Counts) -> int:
    return _randomised(counts) + sum(counts.apart.values())


def _randomised(counts: Counts) -> int:
    return sum(item.invocation_count + item.pending_invocation_count for item in counts.variants.values())


def _conversions(counts: Counts) -> int:
    """Counts randomised traffic's conversions: in time, late, and without an invocation."""
    in_time = sum(item.conversion_count + item.pending_conversion_count for item in counts.variants.values())
    return in_time + counts.late_conversion_count + counts.orphan_conversion_count


CHECKS: tuple[Callable[[Experiment, Counts], list[Finding]], ...] = (
    _sample_ratio,
    _drift,
    _reward_range,
    _malformed,
    _orphans,
    _few_conversions,
    _late,
    _fallback,
    _heavy_user,
)
