import datetime
import gzip
import json
from typing import Any

import boto3
import pytest

from abtest.adapters.event_store import EventStore, StoredLines
from abtest.experiment.trials import MalformedLine

SINCE = datetime.datetime(2026, 1, 1, 12, 5, tzinfo=datetime.UTC)


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


def put(s3: Any, key: str, content: bytes) -> None:
    s3.put_object(Bucket="bucket", Key=key, Body=content)


def test_objects_from_the_hour_on_are_read_whatever_their_encoding(s3: Any) -> None:
    put(s3, "events/2026/01/01/10/early.gz", gzip.compress(b"early\n"))
    put(s3, "events/2026/01/01/11/same-buffer.gz", gzip.compress(b"a\n"))
    put(s3, "events/2026/01/01/12/two.gz", gzip.compress(b"b\n") + gzip.compress(b"c\n\n"))
    put(s3, "events/2026/01/02/00/plain", b"d\ne")
    put(s3, "events-errors/2026/01/02/00/x", b"not ours\n")
    stored = EventStore("bucket").read(SINCE)
    assert {item.key.rsplit("/")[-1]: item.lines for item in stored} == {
        "same-buffer.gz": ("a",),
        "two.gz": ("b", "c"),
        "plain": ("d", "e"),
    }


@pytest.mark.parametrize("content", [gzip.compress(b"cut off", mtime=0)[:-4], b"\x1f\x8bno gzip at all"])
def test_an_unreadable_object_is_one_malformed_line(s3: Any, content: bytes) -> None:
    put(s3, "events/2026/01/01/12/broken.gz", content)
    ((line,),) = [item.lines for item in EventStore("bucket").read(SINCE)]
    assert line.startswith("events/2026/01/01/12/broken.gz cannot be read: ")


def test_malformed_lines_are_kept_once(s3: Any) -> None:
    stored = [
        StoredLines("events/2026/01/01/12/a.gz", ("good", "bad", "worse")),
        StoredLines("events/2026/01/01/12/b.gz", ("good",)),
    ]
    malformed = [MalformedLine("bad", "is not JSON"), MalformedLine("worse", "type")]
    assert EventStore("bucket").quarantine(stored, malformed) == 1
    assert EventStore("bucket").quarantine(stored, malformed) == 0
    (kept,) = s3.list_objects_v2(Bucket="bucket", Prefix="quarantine/")["Contents"]
    assert kept["Key"] == "quarantine/2026/01/01/12/a.gz.jsonl"
    lines = s3.get_object(Bucket="bucket", Key=kept["Key"])["Body"].read().decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"line": "bad", "problem": "is not JSON"},
        {"line": "worse", "problem": "type"},
    ]


def test_a_quarantine_that_cannot_be_written_is_an_error(s3: Any) -> None:
    stored = [StoredLines("events/a.gz", ("bad",))]
    with pytest.raises(Exception, match="NoSuchBucket"):
        EventStore("none").quarantine(stored, [MalformedLine("bad", "is not JSON")])
