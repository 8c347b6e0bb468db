import datetime
import gzip
import json
import random
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError

from abtest.adapters import event_store
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


KEYS = [f"events/2026/01/01/{hour}/{name}.gz" for hour in (12, 13) for name in "ab"]
FIRST, SECOND = "checkpoints/2026/01/01/12.jsonl.gz", "checkpoints/2026/01/01/13.jsonl.gz"


@pytest.fixture
def four(s3: Any) -> Any:
    """Two objects in each of two hours, with lines of all kinds."""
    for key in KEYS[:3]:
        put(s3, key, gzip.compress(f'{{"line": "{key}"}}\nno "event" \u2028 \u00e9\n'.encode()))
    put(s3, KEYS[3], b"\x1f\x8bbroken")
    return s3


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Objects got and put, in no certain order: several are on their way at once."""
    seen: list[tuple[str, str]] = []
    call = botocore.client.BaseClient._make_api_call

    def noted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation != "ListObjectsV2":
            seen.append((operation, arguments["Key"]))
        return call(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
    return seen


def taken(requests: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The keys got and put since the last time, sorted."""
    keys = tuple(sorted(key for name, key in requests if name == operation) for operation in ("GetObject", "PutObject"))
    requests.clear()
    return keys[0], keys[1]


def test_an_object_is_read_once(four: Any, requests: list[tuple[str, str]]) -> None:
    store = EventStore("bucket")
    first = store.read_new(SINCE)
    assert taken(requests) == (KEYS, [FIRST, SECOND])
    assert store.read_new(SINCE) == first
    assert taken(requests) == ([FIRST, SECOND], [])
    put(four, "events/2026/01/01/13/c", b"new")
    put(four, "events/2026/01/01/14/d", b"newer")
    taken(requests)
    assert [item.lines for item in store.read_new(SINCE)] == [*(item.lines for item in first), ("new",), ("newer",)]
    new = ["events/2026/01/01/13/c", "events/2026/01/01/14/d"]
    assert taken(requests) == ([FIRST, SECOND, *new], [SECOND, "checkpoints/2026/01/01/14.jsonl.gz"])
    assert store.read_new(SINCE) == store.read(SINCE)


def line(key: str = KEYS[0], **changes: Any) -> bytes:
    return json.dumps({"key": key, "lines": ["false"], "etag": '"0"'} | changes).encode()


@pytest.mark.parametrize(
    "checkpoint",
    [
        b"",
        b"no gzip",
        gzip.compress(line())[:-4],
        gzip.compress(b"\xff"),
        gzip.compress(b"[]\n"),
        gzip.compress(b"[" * 100_000),
        gzip.compress(line(lines=[1])),
        gzip.compress(line(etag=None)),
        gzip.compress(line()),  # of another state of the object
        gzip.compress(line("events/2026/01/01/12/gone")),
        gzip.compress(b""),
    ],
)
def test_a_checkpoint_that_is_lost_or_wrong_is_made_anew(four: Any, checkpoint: bytes) -> None:
    store = EventStore("bucket")
    whole = store.read(SINCE)
    assert store.read_new(SINCE) == whole
    right = four.get_object(Bucket="bucket", Key=FIRST)["Body"].read()
    put(four, FIRST, checkpoint)
    four.delete_object(Bucket="bucket", Key=SECOND)
    assert store.read_new(SINCE) == whole
    assert four.get_object(Bucket="bucket", Key=FIRST)["Body"].read() == right
    assert four.get_object(Bucket="bucket", Key=SECOND)["Body"].read()


def test_objects_that_changed_or_went_are_not_taken_from_a_checkpoint(four: Any) -> None:
    store = EventStore("bucket")
    store.read_new(SINCE)
    put(four, KEYS[0], b"other")
    four.delete_object(Bucket="bucket", Key=KEYS[1])
    assert [item.key for item in store.read_new(SINCE)] == [KEYS[0], *KEYS[2:]]
    assert store.read_new(SINCE) == store.read(SINCE)


@pytest.mark.parametrize("seed", range(3))
def test_counting_goes_on_as_if_all_were_read_anew(s3: Any, seed: int) -> None:
    """Objects come late, into any hour, some with lines of others; checkpoints are lost and broken meanwhile."""
    source, store = random.Random(seed), EventStore("bucket")
    for number in range(12):
        for name in range(source.randrange(3)):
            lines = "\n".join(f"line{source.randrange(30)}" for _ in range(3))
            put(s3, f"events/2026/01/01/{source.randrange(12, 16)}/{source.randrange(100)}-{name}", lines.encode())
        for kept in s3.list_objects_v2(Bucket="bucket", Prefix="checkpoints/").get("Contents", []):
            harm = source.choice(["none", "none", "lost", "broken"])
            if harm == "lost":
                s3.delete_object(Bucket="bucket", Key=kept["Key"])
            elif harm == "broken":
                put(s3, kept["Key"], s3.get_object(Bucket="bucket", Key=kept["Key"])["Body"].read()[: 2 * number])
        assert store.read_new(SINCE) == store.read(SINCE)


def test_a_checkpoint_that_cannot_be_written_costs_time_only(four: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")

    monkeypatch.setattr(event_store.client(), "put_object", refused)
    store = EventStore("bucket")
    assert store.read_new(SINCE) == store.read(SINCE)
