from abtest.experiment.counting.counts import Counts
from abtest.experiment.counting.new_users import NewUsers
from tests.experiment.samples import EXPERIMENT, at, count_events, invocation

FIRST, SECOND = f"{EXPERIMENT}-d000000", f"{EXPERIMENT}-d000012"


def counted(*events: object, seconds: float = 1000) -> Counts:
    lines = [event.to_line() for event in events]  # type: ignore[attr-defined]
    return count_events(lines, experiment_id=EXPERIMENT, as_of=at(seconds), attribution_window_seconds=600).counts


def drawn(user: str, seconds: float, variant: str, decision: str = FIRST, share: float | None = 0.5) -> object:
    return invocation(
        f"{user}-{seconds}", seconds, user_id=user, endpoint_variant=variant, decision_id=decision, propensity=share
    )


def test_each_user_counts_once_for_the_decision_that_drew_the_variant() -> None:
    counts = counted(
        drawn("ann", 1, "Champion1"),
        drawn("ann", 50, "Champion1"),
        drawn("bob", 2, "Challenger1"),
        drawn("cid", 40, "Challenger1", SECOND, 0.8123456789),
        drawn("dan", 990, "Challenger1", SECOND, 0.8123456789),  # its attribution window is open: assigned all the same
    )
    assert counts.new_users == (
        NewUsers({"Challenger1": 1, "Champion1": 1}, {"Challenger1": 0.5, "Champion1": 0.5}),
        NewUsers({"Challenger1": 2}, {"Challenger1": 0.812346}),
    )
    assert [item.count for item in counts.new_users] == [2, 2]
    assert Counts.from_json(counts.to_json()) == counts


def test_what_was_not_drawn_or_came_later_is_no_new_user() -> None:
    counts = counted(
        invocation("ann", 1, strategy="Manual"),
        drawn("bob", 2, "Champion1", share=None),
        drawn("cid", 500, "Champion1"),
        seconds=499,
    )
    assert counts.new_users == ()


def test_counts_stored_before_there_were_new_users_can_be_read() -> None:
    document = counted(drawn("ann", 1, "Champion1")).to_json()
    del document["new_users"]
    assert Counts.from_json(document).new_users == ()
