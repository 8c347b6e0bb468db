from typing import Any

import pytest

from abtest.report import words

DECISION: dict[str, Any] = {
    "status": "running",
    "leader": "Challenger1",
    "margin": None,
    "effects": {"Champion1": {"difference": 0.0312, "low": -0.004, "high": 0.0664, "level": 0.95}},
    "reason": "The e-value is 3.",
    "guarantee": "At most 5 % of such decisions are wrong.",
}
SUMMARY: dict[str, Any] = {
    "strategy": "Adaptive",
    "mode": "earn_first",
    "objective": "maximize",
    "margin": None,
    "time_limit_hours": None,
    "variants": [{"variant_name": "Champion1", "cost": 0.0}, {"variant_name": "Challenger1", "cost": 0.0}],
    "decision": DECISION,
    "findings": [],
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "Still running: Challenger1 leads, but the difference is not proven."),
        ({"leader": None}, words.UNSEEN),
        ({"status": "decided"}, "Decided: Challenger1 is better."),
        (
            {"status": "equivalent", "leader": "Champion1", "margin": 0.015},
            "Equivalent: no variant is better by 1.5 percentage points or more, so Champion1 stays.",
        ),
        (
            {"status": "stopped"},
            "Stopped at the time limit: Challenger1 leads, but the difference is not proven.",
        ),
    ],
)
def test_every_status_has_its_headline(changes: dict[str, Any], says: str) -> None:
    assert words.headline(SUMMARY | {"decision": DECISION | changes}) == says


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("running", "Retired before a decision: Challenger1 led, but the difference is not proven."),
        ("decided", "Retired after the decision: Challenger1 was better."),
    ],
)
def test_what_is_retired_does_not_run(status: str, says: str) -> None:
    told = SUMMARY | {"decision": DECISION | {"status": status}, "retired": True}
    assert next(words.standing(told)) == says
    assert set(words.RETIRED) == set(words.HEADLINES)
    assert words.headline(told | {"decision": DECISION | {"leader": None}}) == "Retired before the first rebalance."


def test_who_serves_alone_leads_nobody_and_who_is_out_is_told_once() -> None:
    variants = [{"variant_name": "Champion1"}, {"variant_name": "Challenger1", "out": "5XX rate."}]
    reason = "Champion1 serves alone. Challenger1 is out: 5XX rate."
    decision = {**DECISION, "leader": "Champion1", "effects": {}, "reason": reason, "guarantee": ""}
    assert list(words.standing(SUMMARY | {"variants": variants, "decision": decision})) == [
        "Nothing to compare: Champion1 serves alone.",
        "Challenger1 is out, and the champion serves its users: 5XX rate.",
        "Champion1 serves alone.",
        "Approve a challenger to compare it with.",
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": "decided"}, "Make Challenger1 the champion: `abtest promote` does so on a stage's own endpoint."),
        ({"status": "decided", "leader": "Champion1"}, "Keep Champion1, or approve a new challenger."),
        ({"status": "equivalent", "leader": "Champion1"}, "Keep Champion1, or approve a new challenger."),
        ({"status": "stopped"}, "Keep Champion1, or test again for longer: `abtest sample-size` says"),
        ({"leader": None}, ""),
    ],
)
def test_a_verdict_says_what_to_do_next(changes: dict[str, Any], says: str) -> None:
    assert words.next_step(SUMMARY | {"decision": DECISION | changes}).startswith(says)
    assert words.next_step(SUMMARY | {"decision": DECISION | changes, "retired": True}) == ""
    assert set(words.NEXT_STEPS) == set(words.HEADLINES)


def test_the_effect_comes_with_its_interval_and_level() -> None:
    assert words.effects(DECISION) == [
        "Estimated advantage of Challenger1 over Champion1: +3.12 percentage points, always-valid 95 % interval -0.40 "
        "to +6.64.",
        "If you choose Challenger1 now, it is worse than Champion1 by at most 0.40 percentage points, as far as that "
        "interval holds.",
    ]
    proven = {"effects": {"Champion1": {"difference": 0.03, "low": 0.004, "high": 0.06, "level": 0.9}}}
    assert len(words.effects({**DECISION, **proven})) == 1


def test_what_stands_ends_with_the_health_of_the_data() -> None:
    finding = {"name": "drift", "severity": "warning", "sentence": "Drift: it moved.", "figures": {}}
    said = list(words.standing(SUMMARY | {"findings": [finding]}))
    assert said[0] == words.headline(SUMMARY)
    assert said[1:] == [
        *words.effects(DECISION),
        "The e-value is 3.",
        "At most 5 % of such decisions are wrong.",
        "Keep sending users, and check again later.",
        "Warning: Drift: it moved.",
    ]


def test_before_the_first_decision_there_is_one_line() -> None:
    unseen = {"status": "running", "leader": None, "value_remaining": None, "reason": words.UNSEEN}
    assert list(words.standing(SUMMARY | {"decision": unseen})) == [words.UNSEEN]


def test_settings_that_are_usual_are_not_listed() -> None:
    assert words.settings(SUMMARY) == "strategy Adaptive; earn first (traffic follows the reward from the start)"


def test_settings_name_what_departs_from_more_reward_is_better() -> None:
    changes = {"mode": "learn_first", "objective": "minimize", "margin": 0.01, "time_limit_hours": 72.0}
    variants = [{"variant_name": "Champion1", "cost": 0.0}, {"variant_name": "Challenger1", "cost": 0.02}]
    said = words.settings(SUMMARY | changes | {"variants": variants})
    assert said == (
        "strategy Adaptive; learn first (half of the traffic is split evenly until there is a decision); a lower "
        "reward is better; the cost of an invocation is taken off its reward (Challenger1 0.02); differences below 1 "
        "percentage point do not matter; it ends after 72 h at the latest"
    )


def test_a_winner_that_somebody_rejected_is_not_promoted() -> None:
    states = {"C1": "Rejected", "C2": None}
    found = [
        {"variant_name": name, "model_package_arn": f"g/{name}", "status": state} for name, state in states.items()
    ]
    summary = {"decision": {"status": "decided", "leader": "C1"}, "unapproved": found}
    goes = "the next run of build-endpoint takes it off the endpoint"
    kept, _ = words.unapproved(summary | {"decision": {"status": "stopped", "leader": "C1"}})
    assert kept == f"C1 serves, but its model package is Rejected: {goes} (g/C1)."
    assert words.unapproved(summary) == [
        f"{kept} It has won, but is not promoted while that is so.",
        f"C2 serves, but its model package is deleted: {goes} (g/C2).",
    ]


def test_a_share_that_is_not_known_is_a_dash() -> None:
    assert (words.percent(None), words.percent(0.1234)) == ("\N{EN DASH}", "12.3\N{NO-BREAK SPACE}%")
