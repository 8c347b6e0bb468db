"""The RELEASE item of an endpoint: what was deployed to it, now and before, by which a rollback finds its way."""

from abtest.adapters.table import Put, Table, Write, counted
from abtest.experiment.record.release import Releases

RELEASE = "RELEASE"


def get(table: Table, endpoint_name: str) -> Releases:
    """What was deployed; nothing before the first deployment."""
    document = table.get(endpoint_name, RELEASE)
    return Releases.from_json(document) if document else Releases()


def put(endpoint_name: str, before: Releases, after: Releases) -> list[Write]:
    """Makes `after` of `before`, unless another execution has written since; nothing if they are the same."""
    if before == after:
        return []
    return [Put(endpoint_name, RELEASE, after.to_json(), counted("revision", before.revision))]
