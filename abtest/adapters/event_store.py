"""The events in S3, as Firehose writes them: JSON lines, GZIP, under a prefix for each hour.

Checkpoints hold what was read before: all lines of an hour's objects in one object, as they were, each object's with
its key and ETag. They only save requests. What is returned is decided by the listing of the events themselves: an
object that is not in its hour's checkpoint, or has another ETag there, is read, and the checkpoint written anew.
"""

import dataclasses
import datetime
import functools
import gzip
import itertools
import json
import logging
import operator
import zlib
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from abtest.experiment.trials import MalformedLine

EVENTS = "events/"
QUARANTINE = "quarantine/"
CHECKPOINTS = "checkpoints/"
READERS = 16  # objects read at once
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

    @property
    def hour(self) -> str:
        """`2026/01/31/23`, where the object lies."""
        return self.key.removeprefix(EVENTS).rpartition("/")[0]


class EventStore:
    """The events of one bucket."""

    def __init__(self, bucket_name: str) -> None:
        self._bucket_name = bucket_name

    def read(self, since: datetime.datetime) -> list[StoredLines]:
        """All objects that can hold events from `since` on; they arrive up to a day late, in later hours then."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._read, self._etags(EVENTS, since)))

    def read_new(self, since: datetime.datetime) -> list[StoredLines]:
        """The same, but objects that were read so before come from the checkpoints."""
        etags = self._etags(EVENTS, since)
        with ThreadPoolExecutor(READERS) as pool:
            found = itertools.chain.from_iterable(pool.map(self._checkpoint, self._etags(CHECKPOINTS, since)))
            known = {item.key: item for item in found if etags.get(item.key) == item.etag}
            new = list(pool.map(self._read, [key for key in etags if key not in known]))
            known |= {item.key: item for item in new}
            stored = [known[key] for key in etags]
            changed = {item.hour for item in new}
            hours = [
                list(items) for hour, items in itertools.groupby(stored, operator.attrgetter("hour")) if hour in changed
            ]
            list(pool.map(self._keep, hours))
        return stored

    def _etags(self, prefix: str, since: datetime.datetime) -> dict[str, str]:
        """The ETags of the objects below `prefix` in the hours from `since` on, by key, in order."""
        # An object lies in the hour of its oldest record, at most a quarter of an hour older than the others.
        first = since.astimezone(datetime.UTC) - datetime.timedelta(minutes=15)
        pages = client().get_paginator("list_objects_v2")
        listed = pages.paginate(
            Bucket=self._bucket_name, Prefix=prefix, StartAfter=first.strftime(f"{prefix}%Y/%m/%d/%H")
        )
        return {item["Key"]: item["ETag"] for page in listed for item in page.get("Contents", [])}

    def _read(self, key: str) -> StoredLines:
        found = client().get_object(Bucket=self._bucket_name, Key=key)
        content = found["Body"].read()
        try:
            text = (gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content).decode(errors="replace")
        except (OSError, EOFError, zlib.error) as error:
            text = f"{key} cannot be read: {error}"  # is counted as a malformed line
        return StoredLines(key, tuple(line for line in text.split("\n") if line.strip()), found["ETag"])

    def _checkpoint(self, key: str) -> list[StoredLines]:
        """What the checkpoint holds; nothing if it cannot be read."""
        try:
            content = client().get_object(Bucket=self._bucket_name, Key=key)["Body"].read()
            return [_from_json(line) for line in gzip.decompress(content).decode().splitlines()]
        except (ClientError, OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
            logger.warning("The checkpoint %s is made anew: %s", key, error)
            return []

    def _keep(self, stored: Sequence[StoredLines]) -> None:
        """Writes the checkpoint of the hour of `stored`, all of its objects. That this fails costs time only."""
        text = "".join(json.dumps(dataclasses.asdict(item)) + "\n" for item in stored)
        key = f"{CHECKPOINTS}{stored[0].hour}.jsonl.gz"
        try:
            client().put_object(Bucket=self._bucket_name, Key=key, Body=gzip.compress(text.encode(), 6, mtime=0))
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


def _from_json(line: str) -> StoredLines:
    """Raises ValueError if it is not a line of a checkpoint."""
    match json.loads(line):
        case {"key": str(key), "lines": list(lines), "etag": str(etag)} if all(isinstance(item, str) for item in lines):
            return StoredLines(key, tuple(lines), etag)
    raise ValueError("a line is not what a checkpoint holds")
