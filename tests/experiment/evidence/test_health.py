import json
import math
from typing import Any

import pytest

from abtest.experiment.counting.counts import Interval
from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.evidence.health import health
from abtest.experiment.rebalance import decide
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.findings import NOTICE, WARNING, Finding
from abtest.experiment.record.variants import VariantCounts
from tests.experiment.samples import EXPERIMENT, NAMES, at, conversion, count_events, counts, experiment, invocation

CHAMPION, CHALLENGER = NAMES
ENOUGH = {CHAMPION: (1000, 100.0), CHALLENGER: (1000, 110.0)}


def named(name: str, **changes: Any) -> Finding | None:
    """The finding of that name for healthy counts with these changes."""
    found = health(experiment(), counts(changes.pop("outcomes", ENOUGH), **changes))
    assert [finding.name for finding in found] in ([], [name])
    return found[0] if found else None


def test_a_healthy_experiment_has_no_findings() -> None:
    assert health(experiment(), counts(ENOUGH)) == ()
    assert health(experiment(), counts({})) == ()  # nothing is counted yet


def test_users_that_the_shares_did_not_draw() -> None:
    assigned = NewUsers({CHAMPION: 500, CHALLENGER: 380}, {CHAMPION: 0.5, CHALLENGER: 0.5})
    found = named("sample_ratio_mismatch", new_users=(assigned,))
    assert found is not None
    assert found.severity == WARNING
    assert "380 of 880 new users, where its shares give 440" in found.sentence or (
        "500 of 880 new users, where its shares give 440" in found.sentence
    )
    assert "100 needed" in found.sentence
    assert found.figures["e_value"] > found.figures["e_value_needed"] == 100
    assert set(found.figures) == {"e_value", "e_value_needed", "users", "expected", "total"}


def test_one_variant_has_no_ratio() -> None:
    alone = experiment(names=(CHAMPION,))
    assigned = NewUsers({CHAMPION: 500}, {CHAMPION: 0.5})
    assert health(alone, counts({CHAMPION: (1000, 100.0)}, new_users=(assigned,))) == ()


def intervals(gaps: list[float]) -> tuple[Interval, ...]:
    batches = [{CHAMPION: (1000, 100.0), CHALLENGER: (1000, 100.0 + 1000 * gap)} for gap in gaps]
    return tuple(Interval(at(100 * n), {0: batch}) for n, batch in enumerate(batches))


@pytest.mark.parametrize(
    ("gaps", "says"),
    [
        ([0.08, 0.08, 0.0, 0.0], "+8.00 percentage points in the first half of the users to +0.00 percentage points"),
        ([0.0, 0.0, 0.08, 0.08], "The rates do not stay as they were"),
        ([0.08, 0.08, 0.0, 0.0], "A novelty may be wearing off"),
        ([0.08, 0.08, 0.0, 0.0], "The check assumes that time alone moves all variants alike"),
    ],
)
def test_a_difference_that_moves(gaps: list[float], says: str) -> None:
    found = named("drift", history=intervals(gaps))
    assert found is not None
    assert says in found.sentence
    assert found.figures["e_value_needed"] == 20
    assert found.figures["early"] == pytest.approx(gaps[0])
    assert found.figures["late"] == pytest.approx(gaps[-1])


def test_a_difference_that_stays_is_no_drift() -> None:
    assert named("drift", history=intervals([0.08] * 4)) is None


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        ({CHAMPION: (100, 4.0), CHALLENGER: (900, 46.0)}, None),  # 5.0 expected
        ({CHAMPION: (90, 4.0), CHALLENGER: (910, 46.0)}, "at the common rate of 5.00%, Champion1 (4.5) can expect"),
        (
            {CHAMPION: (90, 86.0), CHALLENGER: (910, 864.0)},
            "Champion1 (4.5) can expect fewer than 5 missed conversions",
        ),
        ({CHAMPION: (1000, 0.0), CHALLENGER: (1000, 0.0)}, "Champion1 (0.0), Challenger1 (0.0)"),
        ({CHAMPION: (1000, 0.0), CHALLENGER: (1000, 100.0)}, None),  # bad, but well known
        ({CHAMPION: (1000, 100.0)}, "Challenger1 (0.0)"),
    ],
)
def test_too_few_conversions(outcomes: dict[str, tuple[int, float]], says: str | None) -> None:
    found = named("few_conversions", outcomes=outcomes)
    if says is None:
        assert found is None
    else:
        assert found is not None
        assert says in found.sentence
        assert found.severity == NOTICE


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("reward_out_of_range", {"reward_out_of_range_count": 1}, "1 conversion has a reward"),
        ("reward_out_of_range", {"reward_out_of_range_count": 1200}, "1,200 conversions have a reward"),
        ("malformed_lines", {"malformed_line_count": 90}, "90 of 2,300 lines (3.9%)"),
        ("late_conversions", {"late_conversion_count": 90}, "90 of 300 (30.0%) came after the attribution window"),
        ("orphan_conversions", {"orphan_conversion_count": 15}, "15 of 225 (6.7%) name an invocation that is not"),
        (
            "heavy_user",
            {"heaviest_user_count": 300},
            "one user sent 300 of 2,000 invocations (15.0%). The user counts as one",
        ),
        ("fallback_traffic", {"apart": {"Fallback": 250, "Manual": 250}}, "250 of 2,500 invocations (10.0%)"),
    ],
)
def test_events_that_are_wrong(name: str, changes: dict[str, Any], says: str) -> None:
    if name == "fallback_traffic":
        assert named(name, **changes) is None  # at the limit
        changes = {"apart": {"Fallback": 251, "Manual": 249}}
        says = "251 of 2,500 invocations (10.0%)"
    found = named(name, **changes)
    assert found is not None
    assert says in found.sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"malformed_line_count": 22},  # 1 % of 2,232
        {"late_conversion_count": 23},  # 10 % of 233
        {"orphan_conversion_count": 11},  # 5 % of 221
        {"outcomes": {CHAMPION: (60, 6.0), CHALLENGER: (60, 6.0)}, "late_conversion_count": 7},  # 19 conversions
        {"apart": {"Manual": 4000}},
        {"foreign_event_count": 4000},
    ],
)
def test_what_is_usual_is_not_reported(changes: dict[str, Any]) -> None:
    assert named("none", **changes) is None


def test_a_reward_out_of_range_is_told_from_other_malformed_lines() -> None:
    served = invocation("ann")
    wrong = conversion(served, 1).to_line().replace('"reward":1.0', '"reward":7.0')
    lines = [served.to_line(), wrong, "no event"]
    counted = count_events(lines, experiment_id=EXPERIMENT, as_of=at(10), attribution_window_seconds=0).counts
    assert (counted.malformed_line_count, counted.reward_out_of_range_count) == (2, 1)
    assert "reward_out_of_range" in [finding.name for finding in health(experiment(), counted)]


def test_a_decision_holds_the_findings() -> None:
    ill = counts(ENOUGH, late_conversion_count=90)
    decision = decide(experiment(), ill, decided_at=at(1000))
    assert [finding.name for finding in decision.findings] == ["late_conversions"]
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))).findings == decision.findings


def test_pending_invocations_and_conversions_are_part_of_the_whole() -> None:
    pending = VariantCounts(1000, 110, 110.0, pending_invocation_count=2000, pending_conversion_count=700)
    known = counts(ENOUGH).variants
    assert named("none", variants=dict(known) | {CHALLENGER: pending}, late_conversion_count=90) is None


def test_warnings_come_before_notices_and_each_sentence_is_one_line() -> None:
    ill = counts(
        {CHAMPION: (90, 4.0), CHALLENGER: (910, 46.0)}, late_conversion_count=50, malformed_line_count=500,
        orphan_conversion_count=50, reward_out_of_range_count=50, apart={"Fallback": 5000},
    )  # fmt: skip
    found = health(experiment(), ill)
    assert [finding.severity for finding in found] == [WARNING] * 3 + [NOTICE] * 3
    assert len({finding.name for finding in found}) == 6
    for finding in found:
        assert finding.sentence.endswith(".")
        assert "\n" not in finding.sentence
        assert finding.figures
        assert all(math.isfinite(value) for value in finding.figures.values())
        assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_conversions_that_are_still_pending_are_conversions() -> None:
    variants = {name: VariantCounts(1000, 100, 100.0, pending_conversion_count=200) for name in NAMES}
    assert named("late_conversions", variants=variants, late_conversion_count=60) is None  # of 660
    found = named("late_conversions", variants=variants, late_conversion_count=70)
    assert found is not None and (found.figures["count"], found.figures["of"]) == (70, 670)


def test_rewards_out_of_range_are_counted() -> None:
    found = named("reward_out_of_range", reward_out_of_range_count=3)
    assert found is not None and found.figures == {"count": 3}


TRUST = (
    "so no variant is named. Look for invocations that fail, time out or are not logged on one variant, and begin a "
    "new experiment once that is mended."
)
DRIFT = (
    "Drift: the rate of Challenger1 less that of Champion1 went from +8.00 percentage points in the first half of the "
    "users to +0.00 percentage points in the second (e-value 1,147, 20 needed). A novelty may be wearing off: go by "
    "the later figure. The check assumes that time alone moves all variants alike. It compares users by their first "
    "outcome, so it does not see a novelty that wears off within a user."
)
FEW = "Wait for more users: until then shares and P(best) follow chance and the prior more than the models."
WHOLE: dict[str, dict[str, Any]] = {
    f"Sample-ratio mismatch: Challenger1 has 380 of 880 new users, where its shares give 440 (e-value 178, 100 "
    f"needed). This is more than chance, {TRUST}": {
        "new_users": (NewUsers({CHAMPION: 500, CHALLENGER: 380}, {CHAMPION: 0.5, CHALLENGER: 0.5}),)
    },
    DRIFT: {"history": intervals([0.08, 0.08, 0.0, 0.0])},
    f"Too few conversions: at the common rate of 5.00%, Champion1 (4.5) can expect fewer than 5 conversions. {FEW}": {
        "outcomes": {CHAMPION: (90, 4.0), CHALLENGER: (910, 46.0)}
    },
    "Rewards out of range: 1 conversion has a reward that is no number from 0 to 1. They are in quarantine and count "
    "as no conversion. Scale rewards before you send them.": {"reward_out_of_range_count": 1},
    "Malformed events: 90 of 2,300 lines (3.9%) are no events. They are in quarantine: look there for the reasons.": {
        "malformed_line_count": 90
    },
    "Late conversions: 90 of 300 (30.0%) came after the attribution window and count for nothing. A longer "
    "attribution_window_seconds counts more of them.": {"late_conversion_count": 90},
    "Orphan conversions: 15 of 225 (6.7%) name an invocation that is not among the events, so they count for no "
    "variant. Look for events that were lost or are late.": {"orphan_conversion_count": 15},
    "Fallback traffic: 251 of 2,500 invocations (10.0%) were served without drawing a variant, so they teach nothing. "
    "Look in the API's log for why assignments fail.": {"apart": {"Fallback": 251, "Manual": 249}},
}


def test_a_finding_says_what_is_wrong_with_its_numbers_and_what_to_do() -> None:
    for sentence, changes in WHOLE.items():
        given = dict(changes)
        (found,) = health(experiment(), counts(given.pop("outcomes", ENOUGH), **given))
        assert found.sentence == sentence
