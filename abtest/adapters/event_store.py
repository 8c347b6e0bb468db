"""The events in S3, as Firehose writes them: JSON lines, GZIP, under a prefix for each hour.

Checkpoints hold what was read before: the table of a day's events in one object, with the key and ETag of each object
that is in it. They only save time: an object of another ETag, or one that is gone, has its whole day read anew, as if
there were no checkpoint. That is looked for until a day is complete: Firehose tries for 24 hours to deliver an object.
"""

import dataclasses
import datetime
import functools
import gzip
import itertools
import json
import logging
import zlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from abtest.experiment.counting.event_table import EventTable
from abtest.experiment.counting.trials import MalformedLine

EVENTS = "events/"
QUARANTINE = "quarantine/"
CHECKPOINTS = "checkpoints/"
DAYS = f"{CHECKPOINTS}days/"
READERS = 16  # objects read at once
# An object lies in the hour of its oldest record, at most a quarter of an hour older than the others.
BUFFERED = datetime.timedelta(minutes=15)
COMPLETE_AFTER = datetime.timedelta(hours=26)  # Firehose tries for 24 hours to deliver an object
LABEL = "%Y/%m/%d"  # of a day
GZIP_MAGIC = b"\x1f\x8b"

logger = logging.getLogger(__name__)


@functools.cache
def client() -> Any:
    return boto3.client("s3", config=Config(max_pool_connections=READERS))


@dataclasses.dataclass(frozen=True)
class StoredLines:
    """The lines of one object, without their newlines."""

    key: str
    lines: tuple[str, ...]
    etag: str = ""


@dataclasses.dataclass(frozen=True)
class Day:
    """A day's events so far, and the ETags of the objects that they are in by key; none once nothing more can come."""

    table: EventTable = dataclasses.field(default_factory=EventTable)
    etags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    complete: bool = False


class EventStore:
    """The events of one bucket."""

    def __init__(self, bucket_name: str) -> None:
        self._bucket_name = bucket_name

    def read(self, since: datetime.datetime) -> list[StoredLines]:
        """All objects that can hold events from `since` on; they arrive up to a day late, in later hours then."""
        with ThreadPoolExecutor(READERS) as pool:
            first = (since.astimezone(datetime.UTC) - BUFFERED).strftime(f"{LABEL}/%H")
            return list(pool.map(self._read, self._etags(EVENTS, first)))

    def table(self, since: datetime.datetime, now: datetime.datetime) -> EventTable:
        """The table of the same; objects that were read so before come from the checkpoints.

        Lines that are no events are put in quarantine when they are read.
        """
        since = since.astimezone(datetime.UTC) - BUFFERED
        dates = range(since.toordinal(), max(since, now.astimezone(datetime.UTC)).toordinal() + 1)
        labels = [datetime.date.fromordinal(date).strftime(LABEL) for date in dates]
        with ThreadPoolExecutor(READERS) as pool:
            keys = self._etags(DAYS, labels[0])
            days = dict(zip((_day(key, DAYS) for key in keys), pool.map(self._kept, keys), strict=True))
            complete = [label for label, day in days.items() if day.complete]
            first = next((label for label in labels if label not in complete), labels[-1])
            etags = self._etags(EVENTS, first)
            there = {label: list(group) for label, group in itertools.groupby(etags, lambda key: _day(key, EVENTS))}
            for label in sorted({*there, *labels[labels.index(first) :]} - {*complete}):
                found = {key: etags[key] for key in there.get(label, ())}
                ends = label < (now - COMPLETE_AFTER).strftime(LABEL)
                days[label] = self._brought_up(label, days.get(label, Day()), found, ends, pool)
        return EventTable.merged([days[label].table for label in sorted(days)]).since(since)

    def _brought_up(
        self, label: str, known: Day, etags: Mapping[str, str], complete: bool, pool: ThreadPoolExecutor
    ) -> Day:
        """The day with what is new of it; written if anything is."""
        day = known if known.etags.items() <= etags.items() else Day()
        new = [key for key in etags if key not in day.etags]
        if day is known and not new and day.complete == complete:
            return day
        tables, read = [day.table], dict(day.etags)
        for hour, keys in itertools.groupby(new, lambda key: key.removeprefix(EVENTS).rpartition("/")[0]):
            stored = list(pool.map(self._read, keys))
            table, malformed = EventTable.of((line for item in stored for line in item.lines), _time(hour))
            if malformed:
                logger.warning("malformed lines put in quarantine: %s", len(malformed))
                self.quarantine(stored, malformed)
            tables.append(table)
            read |= {item.key: item.etag for item in stored}
        day = Day(EventTable.merged(tables), {} if complete else read, complete)
        self._keep(label, day)
        return day

    def _etags(self, prefix: str, first: str) -> dict[str, str]:
        """The ETags of the objects below `prefix` from `first` on, the text of a day or an hour, by key, in order."""
        pages = client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self._bucket_name, Prefix=prefix, StartAfter=f"{prefix}{first}")
        return {item["Key"]: item["ETag"] for page in listed for item in page.get("Contents", [])}

    def _read(self, key: str) -> StoredLines:
        found = client().get_object(Bucket=self._bucket_name, Key=key)
        content = found["Body"].read()
        try:
            text = (gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content).decode(errors="replace")
        except (OSError, EOFError, zlib.error) as error:
            text = f"{key} cannot be read: {error}"  # is counted as a malformed line
        return StoredLines(key, tuple(line for line in text.split("\n") if line.strip()), found["ETag"])

    def _kept(self, key: str) -> Day:
        """What the checkpoint holds; nothing if it cannot be read."""
        try:
            table, beside = EventTable.from_bytes(client().get_object(Bucket=self._bucket_name, Key=key)["Body"].read())
            return Day(table, dict(beside["etags"]), bool(beside["complete"]))
        except (ClientError, KeyError, TypeError, ValueError) as error:
            logger.warning("The checkpoint %s is made anew: %s", key, error)
            return Day()

    def _keep(self, label: str, day: Day) -> None:
        """Writes the checkpoint of the day. That this fails costs time only."""
        key, content = f"{DAYS}{label}.npz", day.table.to_bytes(etags=day.etags, complete=day.complete)
        try:
            client().put_object(Bucket=self._bucket_name, Key=key, Body=content)
        except (ClientError, BotoCoreError):
            logger.exception("The checkpoint %s could not be written", key)

    def quarantine(self, stored: Collection[StoredLines], malformed: Collection[MalformedLine]) -> int:
        """Keeps the malformed lines, one object for each object that held some; returns how many objects are new."""
        problems = {wrong.line: wrong.problem for wrong in malformed}
        return sum(
            self._keep_aside(item.key, [line for line in item.lines if line in problems], problems) for item in stored
        )

    def _keep_aside(self, key: str, lines: list[str], problems: dict[str, str]) -> bool:
        """Whether the lines were not yet there."""
        if not lines:
            return False
        text = "".join(json.dumps({"line": line, "problem": problems[line]}) + "\n" for line in lines)
        try:
            client().put_object(
                Bucket=self._bucket_name,
                Key=QUARANTINE + key.removeprefix(EVENTS) + ".jsonl",
                Body=text.encode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                raise
            return False
        return True


def _day(key: str, prefix: str) -> str:
    return "/".join(key.removeprefix(prefix).removesuffix(".npz").split("/")[:3])


def _time(hour: str) -> datetime.datetime:
    """That of an hour's prefix; 1970 if somebody put an object elsewhere."""
    try:
        return datetime.datetime.strptime(hour, f"{LABEL}/%H").replace(tzinfo=datetime.UTC)
    except ValueError:
        return datetime.datetime.fromtimestamp(0, datetime.UTC)
