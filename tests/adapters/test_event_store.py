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
from abtest.experiment.counting.event_table import EventTable, MalformedLine
from tests.experiment import samples

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
FIRST, SECOND = "checkpoints/days/2026/01/01.npz", "checkpoints/days/2026/01/02.npz"
SOON = datetime.datetime(2026, 1, 1, 14, tzinfo=datetime.UTC)
LATER = datetime.datetime(2026, 1, 3, 2, tzinfo=datetime.UTC)  # the first day is complete


def served(name: str) -> bytes:
    return samples.invocation(name, 46_000).to_line().encode()


@pytest.fixture
def four(s3: Any) -> Any:
    """Two objects in each of two hours, with lines of all kinds."""
    for key in KEYS[:3]:
        put(s3, key, gzip.compress(served(key) + '\nno "event" \u2028 \u00e9\n'.encode()))
    put(s3, KEYS[3], b"\x1f\x8bbroken")
    return s3


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Objects got and put, in no certain order: several are on their way at once."""
    seen: list[tuple[str, str]] = []
    call = botocore.client.BaseClient._make_api_call

    def noted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation in ("GetObject", "PutObject"):
            seen.append((operation, arguments["Key"]))
        return call(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
    return seen


def taken(requests: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The keys got and put since the last time, sorted; but those of the quarantine."""
    keys = tuple(sorted(key for name, key in requests if name == operation) for operation in ("GetObject", "PutObject"))
    requests.clear()
    return keys[0], [key for key in keys[1] if not key.startswith("quarantine/")]


def bytes_of(now: datetime.datetime = SOON) -> bytes:
    return EventStore("bucket").table(SINCE, now).to_bytes()


def anew(s3: Any, now: datetime.datetime = SOON) -> bytes:
    """What comes without any checkpoint, in another bucket of the same events."""
    s3.create_bucket(Bucket="anew")
    for item in s3.list_objects_v2(Bucket="bucket", Prefix="events/").get("Contents", []):
        s3.copy_object(Bucket="anew", Key=item["Key"], CopySource={"Bucket": "bucket", "Key": item["Key"]})
    whole = EventStore("anew").table(SINCE, now).to_bytes()
    for item in s3.list_objects_v2(Bucket="anew").get("Contents", []):
        s3.delete_object(Bucket="anew", Key=item["Key"])
    return whole


def test_an_object_is_read_once(four: Any, requests: list[tuple[str, str]]) -> None:
    first = bytes_of()
    assert taken(requests) == (KEYS, [FIRST])
    assert bytes_of() == first
    assert taken(requests) == ([FIRST], [])
    put(four, "events/2026/01/01/13/c", served("c"))
    put(four, "events/2026/01/02/14/d", served("d"))
    taken(requests)
    now = SOON + datetime.timedelta(days=1)
    table = EventStore("bucket").table(SINCE, now)
    assert (len(table.invocations), len(table.malformed)) == (5, 2)
    assert taken(requests) == ([FIRST, "events/2026/01/01/13/c", "events/2026/01/02/14/d"], [FIRST, SECOND])
    assert table.to_bytes() == anew(four, now)


def test_a_complete_day_is_not_looked_for_again(four: Any, requests: list[tuple[str, str]]) -> None:
    bytes_of(LATER - datetime.timedelta(seconds=1))
    put(four, "events/2026/01/01/13/late", served("late"))  # about as late as Firehose may deliver
    assert len(EventStore("bucket").table(SINCE, LATER).invocations) == 4
    put(four, "events/2026/01/01/13/too-late", served("too late"))
    put(four, "events/2026/01/02/00/next", served("next"))
    taken(requests)
    assert len(EventStore("bucket").table(SINCE, LATER).invocations) == 5
    assert taken(requests) == ([FIRST, "events/2026/01/02/00/next"], [SECOND])
    four.delete_object(Bucket="bucket", Key=FIRST)
    assert len(EventStore("bucket").table(SINCE, LATER).invocations) == 6
    later = LATER + datetime.timedelta(days=1)
    bytes_of(later)
    four.delete_object(Bucket="bucket", Key=FIRST)
    taken(requests)
    assert len(EventStore("bucket").table(SINCE, later).invocations) == 6
    read = [*KEYS, "events/2026/01/01/13/late", "events/2026/01/01/13/too-late"]
    assert taken(requests) == ([SECOND, *read], [FIRST])  # and no other complete day


def test_days_without_events_are_complete_too(four: Any, requests: list[tuple[str, str]]) -> None:
    now = datetime.datetime(2026, 1, 9, tzinfo=datetime.UTC)
    before = bytes_of(now)
    days = [f"checkpoints/days/2026/01/{day:02}.npz" for day in range(1, 7)]
    assert taken(requests) == (KEYS, days)
    assert bytes_of(now) == before
    assert taken(requests) == (days, [])


def test_what_came_before_is_not_counted(four: Any) -> None:
    early = samples.invocation("early", 11 * 3600).to_line().encode()
    put(four, "events/2026/01/01/11/x", b"malformed\n" + early)
    put(four, "events/2026/01/01/10/x", b"long ago")
    table = EventStore("bucket").table(SINCE, SOON)
    assert (len(table.invocations), len(table.malformed)) == (3, 3)


def test_malformed_lines_are_put_in_quarantine_when_they_are_read(four: Any) -> None:
    bytes_of()
    kept = four.list_objects_v2(Bucket="bucket", Prefix="quarantine/")["Contents"]
    assert [item["Key"] for item in kept] == [f"quarantine/{key.removeprefix('events/')}.jsonl" for key in KEYS]


@pytest.mark.parametrize("checkpoint", [b"", b"no archive", None, "other", "gone", "alone"])
def test_a_checkpoint_that_is_lost_or_wrong_is_made_anew(four: Any, checkpoint: Any) -> None:
    whole = bytes_of()
    right = four.get_object(Bucket="bucket", Key=FIRST)["Body"].read()
    table, beside = EventTable.from_bytes(right)
    wrong = {
        "other": table.to_bytes(**beside | {"etags": beside["etags"] | {KEYS[0]: "of another state"}}),
        "gone": table.to_bytes(**beside | {"etags": beside["etags"] | {"events/2026/01/01/12/gone": "x"}}),
        "alone": table.to_bytes(),
    }
    put(four, FIRST, wrong.get(checkpoint, checkpoint or right[:-4]))
    assert bytes_of() == whole
    assert four.get_object(Bucket="bucket", Key=FIRST)["Body"].read() == right
    four.delete_object(Bucket="bucket", Key=FIRST)
    assert bytes_of() == whole


def test_objects_that_changed_or_went_are_not_taken_from_a_checkpoint(four: Any) -> None:
    bytes_of()
    put(four, KEYS[0], served("other"))
    four.delete_object(Bucket="bucket", Key=KEYS[1])
    table = EventStore("bucket").table(SINCE, SOON)
    assert len(table.invocations) == 2
    assert table.to_bytes() == anew(four)


@pytest.mark.parametrize("seed", range(2))
def test_counting_goes_on_as_if_all_were_read_anew(s3: Any, seed: int) -> None:
    """Objects come late, into any hour, some with lines of others; checkpoints are lost and broken meanwhile."""
    source = random.Random(seed)
    for number in range(12):
        now = datetime.datetime(2026, 1, 1, 15, tzinfo=datetime.UTC) + datetime.timedelta(hours=3 * number)
        for name in range(source.randrange(3)):
            lines = b"\n".join(served(f"{source.randrange(30)}") for _ in range(3))
            day = f"{now - datetime.timedelta(hours=source.randrange(25)):%Y/%m/%d/%H}"
            put(s3, f"events/{max(day, '2026/01/01/12')}/{source.randrange(100)}-{name}", lines)
        for kept in s3.list_objects_v2(Bucket="bucket", Prefix="checkpoints/").get("Contents", []):
            harm = source.choice(["none", "none", "lost", "broken"])
            if harm == "lost":
                s3.delete_object(Bucket="bucket", Key=kept["Key"])
            elif harm == "broken":
                put(s3, kept["Key"], s3.get_object(Bucket="bucket", Key=kept["Key"])["Body"].read()[: 20 * number])
        counted = bytes_of(now)
        assert number % 4 != 3 or counted == anew(s3, now)


def test_a_checkpoint_that_cannot_be_written_costs_time_only(four: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, put_object = anew(four), event_store.client().put_object

    def refused(**arguments: Any) -> Any:
        if arguments["Key"].startswith("checkpoints/"):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        return put_object(**arguments)

    monkeypatch.setattr(event_store.client(), "put_object", refused)
    assert bytes_of() == whole
