"""A lease that one execution holds at a time, in the order in which they asked for it.

Both the holder and those who wait ask again every few seconds; who has not asked for LEASE_SECONDS is taken to
be dead and loses its place.
"""

import dataclasses

from abtest.experiment.record.codec import Record

LEASE_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Lease(Record):
    """`holder` (None: free) keeps it until `expires_at`; `waiting` holds executions and when each asked last.

    Times are seconds since the epoch. `revision` counts the writes, so that two writers cannot both succeed.
    """

    holder: str | None = None
    expires_at: float = 0.0
    waiting: tuple[tuple[str, float], ...] = ()
    revision: int = 0

    def held_by(self, execution: str, now: float) -> bool:
        return self.holder == execution and now < self.expires_at

    def asked(self, execution: str, now: float) -> "Lease":
        """After `execution` asked for the lease, or its holder for more time."""
        live = [(name, at) for name, at in self.waiting if name == execution or now < at + LEASE_SECONDS]
        queue = [(name, now if name == execution else at) for name, at in live]
        if execution not in (self.holder, *(name for name, _ in queue)):
            queue.append((execution, now))
        free = self.holder is None or now >= self.expires_at
        if self.holder == execution or (free and queue[0][0] == execution):
            rest = tuple(entry for entry in queue if entry[0] != execution)
            return Lease(execution, now + LEASE_SECONDS, rest, self.revision + 1)
        return dataclasses.replace(self, waiting=tuple(queue), revision=self.revision + 1)

    def released(self, execution: str) -> "Lease":
        """After `execution` gave up the lease or its place in the queue."""
        rest = tuple(entry for entry in self.waiting if entry[0] != execution)
        if self.holder == execution:
            return Lease(None, 0.0, rest, self.revision + 1)
        return dataclasses.replace(self, waiting=rest, revision=self.revision + 1)
