"""Creates, finds, lists and finishes the records of jobs, alike for every kind."""

from typing import Any

from abtest.sandbox.sagemaker import events, state
from abtest.sandbox.sagemaker.errors import in_use, not_found, validation
from abtest.sandbox.sagemaker.jobs.kinds import Kind
from abtest.sandbox.sagemaker.wire import Json

RUNNING = ("InProgress", "Stopping")
LONGEST_REASON = 1024


def create(kind: Kind, request: Json, **members: Any) -> Json:
    """Returns a new record with the request's members, InProgress; raises ResourceInUse for a name that exists."""
    name = request[kind.name_key]
    arn = state.arn(kind.arn_kind, name)
    if name in state.table(kind.table):
        raise in_use(
            f"{words(kind).capitalize()} names must be unique within an AWS account and region, "
            f"and a {words(kind)} with this name already exists ({arn})"
        )
    record = {key: value for key, value in request.items() if key != "Tags"}
    now = state.now()
    record |= {kind.arn_key: arn, kind.status_key: "InProgress", "CreationTime": now, "LastModifiedTime": now}
    state.table(kind.table)[name] = record | members
    announce(kind, record)
    return record_of(kind, name)


def record_of(kind: Kind, name: str) -> Json:
    """Returns the record itself, not a copy; raises ResourceNotFound."""
    return state.existing(kind.table, name, not_found(f"Could not find requested {words(kind)} with name: {name}"))


def change(record: Json, **members: Any) -> None:
    with state.lock:
        record.update(members, LastModifiedTime=state.now())


def finish(kind: Kind, record: Json, status: str, reason: str = "") -> None:
    """Sets the last status, the end time and, for a failure, FailureReason (at most 1,024 characters).

    A job that ran too long, MaxRuntimeExceeded, is Stopped.
    """
    last = "Stopped" if status == "MaxRuntimeExceeded" else status
    members: Json = {kind.status_key: last, kind.end_key: state.now()}
    if reason:
        members["FailureReason"] = shortened(reason)
    change(record, **members)
    announce(kind, record)


def announce(kind: Kind, record: Json) -> None:
    """Sends the event of a job's change of status."""
    members = (kind.name_key, kind.arn_key, kind.status_key, "SecondaryStatus", "FailureReason")
    times = ("CreationTime", kind.start_key, kind.end_key)
    detail = {name: record[name] for name in members if name in record}
    detail |= {name: events.milliseconds(record[name]) for name in times if name in record}
    events.send(f"SageMaker {kind.event} State Change", record[kind.arn_key], detail)


def shortened(reason: str) -> str:
    """Shortens a long reason to its error class and its end, which says more than its beginning."""
    if len(reason) <= LONGEST_REASON:
        return reason
    head = reason[:24]
    return f"{head} ... {reason[-(LONGEST_REASON - len(head) - 5) :]}"


def begin_stop(kind: Kind, name: str) -> Json:
    """Marks a job as Stopping and returns its record; raises ValidationException for one that has ended."""
    record = record_of(kind, name)
    status = record[kind.status_key]
    if status not in RUNNING:
        raise validation(f"The request was rejected because the {words(kind)} is in status {status}.")
    change(record, **{kind.status_key: "Stopping"})
    return record


def listing(kind: Kind, request: Json, records: list[Json] | None = None) -> Json:
    """Returns the response of a List operation over `records`, by default all of the kind."""
    chosen = state.select(
        list(state.table(kind.table).values()) if records is None else records,
        {"SortBy": kind.sort_by, "SortOrder": kind.sort_order} | request,
        name=kind.name_key,
        status=kind.status_key,
    )
    return state.page(f"{kind.noun}Summaries", chosen, request)


def words(kind: Kind) -> str:
    """Returns the kind as in messages: `training job`."""
    return kind.arn_kind.replace("-", " ").replace("hyper parameter", "hyperparameter")
