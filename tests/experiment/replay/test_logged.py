"""Events to a log: whose variant was drawn by what, who is left out, and Decisions read off the propensities."""

import pytest

from abtest.experiment.counting.event_table import EventTable
from abtest.experiment.record.events import Event
from abtest.experiment.replay.logged import Log, LoggedDecision, experiment_ids, read_log
from tests.experiment.samples import EXPERIMENT, at, conversion, invocation

FIRST, SECOND = f"{EXPERIMENT}-d000000", f"{EXPERIMENT}-d000001"
CHAMPION, CHALLENGER, THIRD = "Champion1", "Challenger1", "Challenger2"


def read(events: list[Event], **changes: object) -> Log:
    table, _ = EventTable.of(event.to_line() for event in events)
    return read_log(table, experiment_id=EXPERIMENT, **changes)  # type: ignore[arg-type]


def drawn(name: str, seconds: float, variant: str, propensity: float | None, by: str | None = FIRST) -> Event:
    return invocation(name, seconds, endpoint_variant=variant, propensity=propensity, decision_id=by)


def shares(log: Log) -> list[dict[str, float]]:
    return [dict(decision.shares) for decision in log.decisions]


def test_a_user_is_drawn_once_and_has_the_first_outcome() -> None:
    one = invocation("a1", 0, user_id="a")
    again = invocation("a2", 5, user_id="a")
    log = read([again, one, conversion(again, 9), drawn("b", 1, CHALLENGER, 0.5)])
    assert [(user.variant, user.reward) for user in log.users] == [(CHAMPION, 0.0), (CHALLENGER, 0.0)]
    mean = read([again, one, conversion(again, 9), drawn("b", 1, CHALLENGER, 0.5)], reward="mean")
    assert [user.reward for user in mean.users] == [0.5, 0.0]
    assert len(log.trials) == 3


def test_who_is_left_out_and_why() -> None:
    events: list[Event] = [
        drawn("fine", 0, CHAMPION, 0.5),
        drawn("open", 95, CHAMPION, 0.5),
        drawn("silent", 0, CHAMPION, None),
        drawn("alone", 0, CHAMPION, 0.5, by=None),
        drawn("zero", 0, CHAMPION, 0.0),
        drawn("lost", 0, CHAMPION, 0.5, by=SECOND),
        invocation("hand", 0, strategy="Manual"),
        invocation("fall", 100, strategy="Fallback"),
    ]
    known = [LoggedDecision(FIRST, at(0), {CHAMPION: 0.5, CHALLENGER: 0.5})]
    log = read(events, attribution_window_seconds=10, decisions=known)
    assert len(log.users) == 1
    assert log.as_of == at(100)
    assert log.left_out == {
        "Fallback invocations": 1,
        "Manual invocations": 1,
        "attribution window still open": 1,
        "no Decision or no propensity recorded": 2,
        "propensity 0: the variant was not drawn": 1,
        "by a Decision that is not on record": 1,
    }
    assert log.variant_names == (CHAMPION, CHALLENGER)


def test_what_the_propensities_leave_is_the_share_of_the_variant_that_nobody_drew() -> None:
    log = read(
        [drawn("a", 0, CHAMPION, 0.7), drawn("b", 9, CHALLENGER, 0.4, SECOND), drawn("c", 8, CHAMPION, 0.6, SECOND)]
    )
    assert [pytest.approx(given) for given in shares(log)] == [
        {CHAMPION: 0.7, CHALLENGER: 0.3},
        {CHAMPION: 0.6, CHALLENGER: 0.4},
    ]
    assert [decision.decision_id for decision in log.decisions] == [FIRST, SECOND]
    assert log.decisions[1].as_of < at(8)  # its own users are no evidence for it
    assert log.guessed_decisions == 0
    assert log.initial_weights == pytest.approx({CHAMPION: 0.7, CHALLENGER: 0.3})


def test_a_variant_joins_with_its_first_share_and_keeps_part_without_one() -> None:
    log = read(
        [
            drawn("a", 0, CHAMPION, 1.0),
            drawn("b", 5, CHALLENGER, 0.5, SECOND),
            drawn("c", 6, CHAMPION, 0.5, SECOND),
            drawn("d", 9, CHAMPION, 1.0, "last"),
        ]
    )
    assert shares(log) == [{CHAMPION: 1.0}, {CHAMPION: 0.5, CHALLENGER: 0.5}, {CHAMPION: 1.0, CHALLENGER: 0.0}]


def test_shares_of_several_variants_that_nobody_drew_are_a_guess_and_counted() -> None:
    log = read(
        [drawn("a", 0, CHAMPION, 0.6), drawn("b", 5, CHALLENGER, 0.5, SECOND), drawn("c", 6, THIRD, 0.5, SECOND)]
    )
    assert shares(log)[0] == pytest.approx({CHAMPION: 0.6, CHALLENGER: 0.2, THIRD: 0.2})
    assert log.guessed_decisions == 1


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([drawn("a", 0, CHAMPION, 0.5), drawn("b", 1, CHAMPION, 0.6)], "drawn with propensity"),
        ([drawn("a", 0, CHAMPION, 0.7), drawn("b", 1, CHALLENGER, 0.6)], "sum to 1.3"),
        ([drawn("a", 0, CHAMPION, None)], "no event says"),
        ([], "no event says"),
    ],
)
def test_a_log_that_contradicts_itself_is_refused(events: list[Event], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(events)


def test_propensities_must_be_the_recorded_shares() -> None:
    known = [LoggedDecision(FIRST, at(0), {CHAMPION: 0.9, CHALLENGER: 0.1})]
    with pytest.raises(ValueError, match=r"has share 0\.9, but users were drawn with propensity 0\.5"):
        read([drawn("a", 0, CHAMPION, 0.5)], decisions=known)


def test_an_unknown_reward_is_refused() -> None:
    with pytest.raises(ValueError, match="reward"):
        read([drawn("a", 0, CHAMPION, 0.5)], reward="last")


def test_the_experiments_in_a_file() -> None:
    lines = [
        drawn("a", 0, CHAMPION, 0.5).to_line(),
        invocation("b", 0, experiment_id="other").to_line(),
        invocation("c", 0, experiment_id="unknown", strategy="Fallback").to_line(),
        "rubbish",
    ]
    table, _ = EventTable.of(lines)
    assert experiment_ids(table) == ["other", EXPERIMENT]
    assert read_log(table, experiment_id=EXPERIMENT).malformed_lines == 1
