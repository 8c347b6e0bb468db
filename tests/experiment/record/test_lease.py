"""One holder at a time, first come first served, and the dead do not block the living."""

from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.lease import LEASE_SECONDS, Lease

ACTIONS = st.lists(
    st.tuples(st.sampled_from(("ask", "release")), st.sampled_from("abcd"), st.floats(0, 200)), max_size=60
)


def test_the_first_to_ask_holds_it_and_renews_it() -> None:
    lease = Lease().asked("a", 0)
    assert lease.held_by("a", 0)
    assert lease.asked("a", 60).held_by("a", 60 + LEASE_SECONDS - 1)
    assert not lease.held_by("a", LEASE_SECONDS)


def test_those_who_wait_get_it_in_their_order() -> None:
    lease = Lease().asked("a", 0).asked("b", 1).asked("c", 2).asked("b", 3)
    assert [name for name, _ in lease.waiting] == ["b", "c"]
    lease = lease.released("a")
    assert not lease.asked("c", 4).held_by("c", 4)
    assert lease.asked("c", 4).asked("b", 5).held_by("b", 5)


def test_a_dead_holder_and_dead_waiters_lose_their_place() -> None:
    lease = Lease().asked("holder", 0).asked("first", 1)
    late = LEASE_SECONDS + 2
    assert lease.asked("second", late).held_by("second", late)


def test_giving_up_a_place_in_the_queue() -> None:
    lease = Lease().asked("a", 0).asked("b", 1).released("b").released("a")
    assert (lease.holder, lease.waiting) == (None, ())
    assert lease.released("nobody").holder is None


@given(ACTIONS)
def test_a_lease_is_never_taken_from_a_living_holder(actions: list[tuple[str, str, float]]) -> None:
    lease, now = Lease(), 0.0
    for action, name, seconds in actions:
        now += seconds
        before = lease
        lease = lease.asked(name, now) if action == "ask" else lease.released(name)
        assert lease.revision == before.revision + 1
        for holder in "abcd":
            if before.held_by(holder, now) and (action, name) != ("release", holder):
                assert lease.held_by(holder, now)
        assert lease.holder not in [waiting for waiting, _ in lease.waiting]
        assert Lease.from_json(lease.to_json()) == lease


@given(st.permutations("abcdef"))
def test_nobody_starves(order: list[str]) -> None:
    """However often the others ask, each gets the lease in the order in which it first asked."""
    lease, served = Lease(), []
    for now, name in enumerate("abcdef"):
        lease = lease.asked(name, now)
    for now in range(10, 16):
        holder = lease.holder
        assert holder is not None
        served.append(holder)
        lease = lease.released(holder)
        for name in order:
            if name not in served:
                lease = lease.asked(name, now)
        for name in order:  # who was not the first in the queue asks again
            if name not in served:
                lease = lease.asked(name, now)
    assert served == list("abcdef")
