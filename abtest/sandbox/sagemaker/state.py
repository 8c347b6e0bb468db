"""Holds what the local SageMaker knows: one table per kind of resource, apart by account and region.

Records are plain dictionaries of JSON types (times are seconds since the epoch), so that a snapshot can be
written at any moment. Keys and members are those of the Describe responses; a name that begins with an
underscore is ours and never leaves the process.
"""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from abtest.sandbox.sagemaker.errors import ServiceError, validation
from abtest.sandbox.sagemaker.wire import Json

TABLES = (
    "model_package_groups",
    "model_packages",
    "models",
    "endpoint_configs",
    "endpoints",
    "processing_jobs",
    "training_jobs",
    "tuning_jobs",
    "transform_jobs",
    "pipelines",
    "pipeline_executions",
    "tags",
    "pending_metrics",
)

# Operations run in worker threads and jobs in threads of their own: hold this while records are read and changed.
lock = threading.RLock()

_tables: dict[str, AccountRegionScopedDict] = {name: AccountRegionScopedDict() for name in TABLES}


def table(name: str) -> AccountRegionScopedDict:
    """Returns the table `name` as a dictionary of the current account and region."""
    return _tables[name]


def every_record(name: str) -> list[Json]:
    """Returns all records of a table in every account and region (for recovery after a crash)."""
    return list(_tables[name]._data.values())


def scopes(name: str) -> list[tuple[str, str]]:
    """Returns every (account, region) that has a record in the table, for ministack's `request_scope`."""
    return sorted({(account, region) for account, region, _ in list(_tables[name]._data)})


def snapshot() -> dict[str, AccountRegionScopedDict]:
    return dict(_tables)


def restore(data: dict[str, AccountRegionScopedDict]) -> None:
    for name, records in data.items():
        _tables[name]._data.update(records._data)


def clear() -> None:
    for records in _tables.values():
        records._data.clear()


def arn(kind: str, name: str) -> str:
    """Returns an ARN with `kind` (training-job, endpoint); endpoint-like names are lower-case in it, as on AWS."""
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name.lower()}"


def now() -> float:
    """Returns seconds since the epoch, to the millisecond, as the service reports times."""
    return round(time.time(), 3)


def existing(table_name: str, key: str, missing: ServiceError) -> Json:
    """Returns the record under `key` of a table. Raises `missing` where there is none."""
    record: Json | None = table(table_name).get(key)
    if record is None:
        raise missing
    return record


def page(member: str, records: list[Json], request: Json, *, default_size: int = 10) -> Json:
    """Answers a List request: one page of `records` as `member`, by MaxResults and NextToken."""
    size = request.get("MaxResults", default_size)
    token = request.get("NextToken", "0")
    if not re.fullmatch(r"\d+", token):
        raise validation(f"Invalid NextToken: {token}")
    start = int(token)
    following = str(start + size) if start + size < len(records) else None
    return {member: records[start : start + size], "NextToken": following}


def select(
    records: list[Json],
    request: Json,
    *,
    name: str,
    status: str | None = None,
    sort_keys: dict[str, Callable[[Json], Any]] | None = None,
) -> list[Json]:
    """Filters and sorts `records` by the common members of List requests.

    `name` and `status` are the record's members for NameContains and StatusEquals; SortBy is one of
    Name, CreationTime (the default), LastModifiedTime, Status or a key of `sort_keys`.
    """
    chosen = [r for r in records if _wanted(r, request, name, status)]
    keys = {
        "Name": lambda r: r[name],
        "Status": lambda r: r.get(status or "", ""),
        "CreationTime": lambda r: r["CreationTime"],
        "LastModifiedTime": lambda r: r.get("LastModifiedTime", r["CreationTime"]),
        **(sort_keys or {}),
    }
    key = keys.get(request.get("SortBy", "CreationTime"), keys["CreationTime"])
    return sorted(chosen, key=key, reverse=request.get("SortOrder", "Descending") == "Descending")


def _wanted(record: Json, request: Json, name: str, status: str | None) -> bool:
    modified = record.get("LastModifiedTime", record["CreationTime"])
    return (
        request.get("NameContains", "").lower() in record[name].lower()
        and ("StatusEquals" not in request or status is None or record.get(status) == request["StatusEquals"])
        and record["CreationTime"] > request.get("CreationTimeAfter", float("-inf"))
        and record["CreationTime"] < request.get("CreationTimeBefore", float("inf"))
        and modified > request.get("LastModifiedTimeAfter", float("-inf"))
        and modified < request.get("LastModifiedTimeBefore", float("inf"))
    )
