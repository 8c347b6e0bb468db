"""The index of adopted endpoints, in the `experiments` table: which have an experiment, which were retired by hand."""

from abtest.adapters.table import Put, Table

INDEX, ENDPOINT = "#ADOPTED", "ENDPOINT#"  # the index's partition key, which can be no endpoint's name; its items


def live(table: Table) -> list[str]:
    """The names of the adopted endpoints that have an experiment now, in order."""
    return [document["name"] for document in table.query(INDEX, ENDPOINT) if document["live"]]


def retired_by_hand(table: Table, endpoint_name: str) -> str | None:
    """When the endpoint was created that was retired by hand and not adopted since."""
    document = table.get(INDEX, f"{ENDPOINT}{endpoint_name}")
    return document["retired_by_hand"] if document else None


def put(endpoint_name: str, *, live: bool, by_hand: str | None = None) -> Put:
    """For the transaction that begins, resumes or retires the endpoint's experiment.

    `by_hand` is as `retired_by_hand` returns it.
    """
    document = {"name": endpoint_name, "live": live, "retired_by_hand": by_hand}
    return Put(INDEX, f"{ENDPOINT}{endpoint_name}", document)
