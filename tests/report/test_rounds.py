import pytest

from abtest.experiment.record.findings import Effect
from abtest.report.rounds import rounds_of
from tests.report.test_page import decision


def test_rounds_begin_with_the_initial_shares_and_follow_the_decisions_numbers() -> None:
    found = rounds_of([decision(n) for n in (2, 1)])
    assert [r.number for r in found] == [0, 1, 2]
    assert [r.shares["Champion1"] for r in found] == [0.5, 0.1, 0.06]
    assert [r.reward("Challenger1") for r in found] == [0, 26, 60]


def test_there_is_nothing_to_report_before_the_first_decision() -> None:
    with pytest.raises(ValueError, match="there is none yet"):
        rounds_of([])


def test_the_evidence_is_that_against_the_closest_rival() -> None:
    start, first = rounds_of([decision(1)])
    assert start.evidence is None
    assert first.evidence == 3.5


def test_an_advantage_is_the_leaders_or_over_the_leader() -> None:
    _, first = rounds_of([decision(1)])
    assert first.advantage("Challenger1", "Champion1") == Effect(0.19, 0.0, 0.3, 0.95)
    assert first.advantage("Champion1", "Challenger1") == Effect(-0.19, -0.3, -0.0, 0.95)
    assert first.advantage("Champion1", "Challenger2") is None
