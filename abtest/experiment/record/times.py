"""Times as the events and the records write them: UTC, ISO 8601, milliseconds."""

import datetime


def to_text(time: datetime.datetime) -> str:
    """`2024-05-01T12:00:00.250Z`; `time` must know its zone, else ValueError."""
    if time.tzinfo is None:
        raise ValueError(f"time: {time} has no time zone; give it in UTC")
    return time.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime.datetime:
    """The UTC time that `text` says, cut to milliseconds; ValueError if it is not ISO 8601 with a zone."""
    try:
        time = datetime.datetime.fromisoformat(text)
        utc = time.astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an ISO 8601 time") from error
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return truncated(utc)


def truncated(time: datetime.datetime) -> datetime.datetime:
    """`time` cut to whole milliseconds, so that writing and reading it changes nothing."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
