import pytest

from abtest.adapters import leases
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.operations import hold_lease
from tests.adapters.samples import ENDPOINT


def test_the_lease_has_one_holder(experiments: ExperimentsTable) -> None:
    assert hold_lease.ask(experiments, ENDPOINT, "a", 0)
    assert not hold_lease.ask(experiments, ENDPOINT, "b", 1)
    assert hold_lease.ask(experiments, "another endpoint", "b", 1)
    hold_lease.release(experiments, ENDPOINT, "a")
    assert not hold_lease.ask(experiments, ENDPOINT, "c", 2)
    assert hold_lease.ask(experiments, ENDPOINT, "b", 3)


def test_a_lost_race_for_the_lease_is_run_again(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another execution writes between our reading and writing."""
    read = leases.get
    raced = iter([True])

    def race(table: ExperimentsTable, endpoint_name: str) -> object:
        lease = read(table, endpoint_name)
        if next(raced, False):
            assert hold_lease.ask(table, endpoint_name, "faster", 0)
        return lease

    monkeypatch.setattr(leases, "get", race)
    assert not hold_lease.ask(experiments, ENDPOINT, "slower", 0)


def test_who_loses_every_race_for_the_lease_says_so(
    experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "attempt", lambda _: False)
    with pytest.raises(StaleError, match="too many executions at once"):
        hold_lease.release(experiments, ENDPOINT, "a")
