"""The LEASE item of an endpoint: which execution may change it, and which wait."""

from abtest.adapters.table import ConditionCheck, Put, Table, counted, equal
from abtest.experiment.record.lease import Lease

LEASE = "LEASE"


def get(table: Table, endpoint_name: str) -> Lease:
    """The endpoint's lease; a free one before the first execution asked."""
    document = table.get(endpoint_name, LEASE)
    return Lease.from_json(document) if document else Lease()


def put(endpoint_name: str, before: Lease, after: Lease) -> Put:
    """Makes `after` of `before`, unless another execution has written since."""
    return Put(endpoint_name, LEASE, after.to_json(), counted("revision", before.revision))


def check(endpoint_name: str, execution: str) -> ConditionCheck:
    """The execution holds the lease, and nobody has taken it over."""
    return ConditionCheck(endpoint_name, LEASE, equal(holder=execution))
