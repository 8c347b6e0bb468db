"""One execution at a time changes an endpoint: asks for its lease, and gives it up."""

from collections.abc import Callable

from abtest.adapters import leases
from abtest.adapters.table import StaleError, Table
from abtest.experiment.record.lease import Lease

ATTEMPTS = 10  # writes of others that may come between our reading and writing


def ask(table: Table, endpoint_name: str, execution: str, now: float) -> bool:
    """Whether `execution` holds the lease; if not, it is in the queue. The holder renews it thereby.

    `now` is in seconds since the epoch. Raises StaleError if others write all the time.
    """
    return _changed(table, endpoint_name, lambda lease: lease.asked(execution, now)).held_by(execution, now)


def release(table: Table, endpoint_name: str, execution: str) -> None:
    """Gives up the lease or the place in the queue; nothing happens if there is neither. StaleError as `ask`."""
    _changed(table, endpoint_name, lambda lease: lease.released(execution))


def _changed(table: Table, endpoint_name: str, change: Callable[[Lease], Lease]) -> Lease:
    for _ in range(ATTEMPTS):
        before = leases.get(table, endpoint_name)
        after = change(before)
        if table.attempt([leases.put(endpoint_name, before, after)]):
            return after
    raise StaleError(f"The lease of {endpoint_name} is being written by too many executions at once. Try again.")
