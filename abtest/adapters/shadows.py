"""The SHADOW#{champion}#{challenger} items of an endpoint: when each shadow began, and its verdict once it has one."""

from abtest.adapters.table import ABSENT, Delete, Put, Table, unset
from abtest.experiment.record.shadow import Pair, Shadow

SHADOW = "SHADOW#"


def get(table: Table, endpoint_name: str, pair: Pair) -> Shadow | None:
    """The pair's shadow; None if it has not begun."""
    document = table.get(endpoint_name, _item(pair))
    return Shadow.from_json(document) if document else None


def all_of(table: Table, endpoint_name: str) -> list[Shadow]:
    """The endpoint's shadows, in the order in which they began."""
    found = [Shadow.from_json(document) for document in table.query(endpoint_name, SHADOW)]
    return sorted(found, key=lambda shadow: shadow.began_at)


def begin(endpoint_name: str, shadow: Shadow) -> Put:
    """Writes the shadow, unless there is one of this pair."""
    return Put(endpoint_name, _item(shadow.pair), shadow.to_json(), ABSENT)


def judge(endpoint_name: str, shadow: Shadow) -> Put:
    """Writes the shadow's verdict, unless it has one, or was restarted."""
    return Put(endpoint_name, _item(shadow.pair), shadow.to_json(), unset("passed"))


def restart(endpoint_name: str, pair: Pair) -> Delete:
    """Deletes the pair's shadow, which can begin again then, unless it has a verdict."""
    return Delete(endpoint_name, _item(pair), unset("passed"))


def _item(pair: Pair) -> str:
    return f"{SHADOW}{pair.champion_arn}#{pair.challenger_arn}"
