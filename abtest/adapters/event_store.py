"""The events in S3, as Firehose writes them: JSON lines, GZIP, under a prefix for each hour."""

import dataclasses
import datetime
import functools
import gzip
import json
import zlib
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from abtest.experiment.trials import MalformedLine

EVENTS = "events/"
QUARANTINE = "quarantine/"
READERS = 16  # objects read at once
GZIP_MAGIC = b"\x1f\x8b"


@functools.cache
def client() -> Any:
    return boto3.client("s3", config=Config(max_pool_connections=READERS))


@dataclasses.dataclass(frozen=True)
class StoredLines:
    """The lines of one object, without their newlines."""

    key: str
    lines: tuple[str, ...]


class EventStore:
    """The events of one bucket."""

    def __init__(self, bucket_name: str) -> None:
        self._bucket_name = bucket_name

    def read(self, since: datetime.datetime) -> list[StoredLines]:
        """All objects that can hold events from `since` on; they arrive up to a day late, in later hours then."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._read, self._keys(since)))

    def _keys(self, since: datetime.datetime) -> Iterator[str]:
        # An object lies in the hour of its oldest record, at most a quarter of an hour older than the others.
        first = since.astimezone(datetime.UTC) - datetime.timedelta(minutes=15)
        first_hour = first.strftime(f"{EVENTS}%Y/%m/%d/%H/")
        pages = client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket_name, Prefix=EVENTS, StartAfter=first_hour):
            yield from (item["Key"] for item in page.get("Contents", []))

    def _read(self, key: str) -> StoredLines:
        content = client().get_object(Bucket=self._bucket_name, Key=key)["Body"].read()
        try:
            text = (gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content).decode(errors="replace")
        except (OSError, EOFError, zlib.error) as error:
            text = f"{key} cannot be read: {error}"  # is counted as a malformed line
        return StoredLines(key, tuple(line for line in text.split("\n") if line.strip()))

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
