"""Statuses: how each is reached, that it stays, and what is said of it."""

import datetime
from typing import Any

import pytest

from abtest.experiment.evidence.conclusion import Conclusion, conclude, guarantee, in_utility, standing
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.variants import Variant
from tests.experiment.samples import NAMES, START, at, counts, experiment

ALIKE = {"Champion1": (20000, 10000.0), "Challenger1": (20000, 10050.0)}
BETTER = {"Champion1": (200, 40.0), "Challenger1": (200, 160.0)}
CLOSE = {"Champion1": (40, 20.0), "Challenger1": (40, 24.0)}
BEST = {"Champion1": 0.2, "Challenger1": 0.8}


def concluded(outcomes: dict[str, tuple[int, float]], *, trusted: bool = True, **changes: Any) -> Conclusion:
    return conclude(experiment(**changes), counts(outcomes), BEST, now=at(3600), trusted=trusted)


def costly(*costs: float) -> tuple[Variant, ...]:
    return tuple(Variant(name, f"arn:{name}", 1.0, START, cost) for name, cost in zip(NAMES, costs, strict=True))


def test_a_proven_winner_is_decided_with_its_effect() -> None:
    found = concluded(BETTER)
    assert (found.status, found.leader) == ("decided", "Challenger1")
    assert found.e_values["Champion1"] >= found.threshold
    effect = found.effects["Champion1"]
    assert 0 < effect.low < effect.difference < effect.high
    assert effect.difference == pytest.approx(0.6)


def test_within_the_margin_the_champion_stays() -> None:
    found = concluded(ALIKE, margin=0.05)
    assert (found.status, found.leader) == ("equivalent", "Champion1")
    effect = found.effects["Challenger1"]
    assert -0.05 < effect.low < effect.difference < effect.high < 0.05
    assert effect.difference == pytest.approx(-0.0025)
    assert concluded(ALIKE, margin=0.01).status == concluded(ALIKE).status == "running"


def test_the_time_limit_stops_what_nothing_decided() -> None:
    assert concluded(CLOSE, time_limit_hours=1.0).status == "stopped"
    assert concluded(CLOSE, time_limit_hours=1.0).leader == "Challenger1"  # who is ahead
    assert concluded(CLOSE, time_limit_hours=1.01).status == concluded(CLOSE).status == "running"
    assert concluded(BETTER, time_limit_hours=1.0).status == "decided"
    assert concluded(CLOSE, time_limit_hours=1.0, names=NAMES[:1]).status == "running"  # nothing is tested


def test_the_time_limit_counts_from_the_last_joining() -> None:
    late = (Variant("Champion1", "arn:1", 1.0, START), Variant("Challenger1", "arn:2", 1.0, at(1)))
    assert concluded(CLOSE, time_limit_hours=1.0, variants=late).status == "running"


@pytest.mark.parametrize("status", ["decided", "equivalent", "stopped"])
@pytest.mark.parametrize("outcomes", [CLOSE, BETTER, ALIKE])
def test_a_status_once_reached_stays(status: str, outcomes: dict[str, tuple[int, float]]) -> None:
    reached = {"status": status, "leader": "Champion1" if status != "stopped" else None}
    for trusted in (True, False):
        found = concluded(outcomes, trusted=trusted, margin=0.05, time_limit_hours=1.0, **reached)
        assert found.status == status
        assert found.leader == ("Challenger1" if status == "stopped" else "Champion1")


def test_counts_that_are_not_trusted_prove_nothing() -> None:
    assert concluded(BETTER, trusted=False).status == concluded(ALIKE, trusted=False, margin=0.05).status == "running"
    assert concluded(BETTER, trusted=False, time_limit_hours=1.0).status == "stopped"


def test_the_lower_reward_wins_where_it_is_minimized() -> None:
    found = concluded(BETTER, objective="minimize")
    assert (found.status, found.leader) == ("decided", "Champion1")
    assert found.effects["Challenger1"].difference == pytest.approx(0.6)


def test_costs_can_turn_the_comparison() -> None:
    many = {"Champion1": (800, 160.0), "Challenger1": (800, 640.0)}
    found = concluded(many, variants=costly(0.0, 1.0))
    assert (found.status, found.leader) == ("decided", "Champion1")
    assert found.effects["Challenger1"].difference == pytest.approx(0.4)  # .2 against .8 less 1
    assert concluded(many, variants=costly(0.0, 0.6)).status == "running"


def test_the_margin_is_in_units_of_reward() -> None:
    """Costs that are alike change the scale of utility, and nothing else."""
    found = concluded(ALIKE, margin=0.05, variants=costly(0.4, 0.4))
    assert found.status == "equivalent"
    assert found.effects["Challenger1"].difference == pytest.approx(-0.0025)


def test_utility_is_in_the_variants_order_with_zeros() -> None:
    assert in_utility(experiment(), {"Challenger1": (4, 1.0), "gone": (9, 9.0)}) == [(0, 0), (4, 1)]
    assert in_utility(experiment(objective="minimize"), {"Champion1": (4, 1.0)}) == [(4, 3), (0, 0)]


@pytest.mark.parametrize(
    ("outcomes", "changes", "sentence"),
    [
        (CLOSE, {}, "Challenger1 is ahead with P(best) 0.800: e-value "),
        (BETTER, {}, "Challenger1 is better than every other variant: e-value "),
        (ALIKE, {"margin": 0.05}, "Every variant differs from Champion1 by less than the margin of 0.05"),
        (CLOSE, {"time_limit_hours": 0.5}, "The time limit of 0.5 hours passed without a decision"),
    ],
)
def test_each_status_has_its_sentence(
    outcomes: dict[str, tuple[int, float]], changes: dict[str, Any], sentence: str
) -> None:
    known = experiment(**changes)
    assert standing(known, said(known, outcomes), 0.8).startswith(sentence)


def said(known: Experiment, outcomes: dict[str, tuple[int, float]]) -> Conclusion:
    return conclude(known, counts(outcomes), BEST, now=START + datetime.timedelta(hours=1), trusted=True)


def test_the_guarantee_names_its_numbers() -> None:
    known = experiment(margin=0.02, alpha=0.1, names=(*NAMES, "Challenger2"))
    found = conclude(known, counts(CLOSE), BEST | {"Challenger2": 0.0}, now=at(1), trusted=True)
    assert found.threshold == pytest.approx(2 / 0.09)  # three arms and a margin
    text = guarantee(known, found)
    assert text.startswith(
        "You can check as often as you like: at most 10 % of tests will ever name a variant while another is better, "
        "or a challenger that is no better than the champion, or call variants equivalent that differ by 0.02 or more. "
    )
    assert "with probability 91 %" in text
    assert "equivalent" not in guarantee(experiment(), concluded(CLOSE))
    assert guarantee(experiment(names=("Champion1",)), concluded(CLOSE)) == ""  # nothing is compared
