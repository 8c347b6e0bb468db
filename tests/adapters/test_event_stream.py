"""Events to Firehose, and what happens to those that it does not take."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from abtest.adapters import event_stream
from abtest.adapters.assignments_table import AssignmentsTable, ParkedEvent
from abtest.adapters.event_stream import REPLAYED_AT_ONCE, EventStream
from abtest.experiment.record.events import Invocation


class FakeTable(AssignmentsTable):
    """Parks in memory."""

    def __init__(self) -> None:
        super().__init__("assignments")
        self.kept: dict[str, str] = {}

    def park(self, event_id: str, line: str) -> None:
        self.kept[event_id] = line

    def parked(self, limit: int) -> list[ParkedEvent]:
        return [ParkedEvent(item, line) for item, line in list(self.kept.items())[:limit]]

    def unpark(self, event: ParkedEvent) -> None:
        del self.kept[event.item]


@dataclasses.dataclass
class FakeFirehose:
    """Takes records while `takes`."""

    takes: bool = True
    records: list[bytes] = dataclasses.field(default_factory=list)

    def put_record(self, *, DeliveryStreamName: str, Record: dict[str, Any]) -> None:  # noqa: N803
        assert DeliveryStreamName == "stream"
        if not self.takes:
            raise ClientError({"Error": {"Code": "ServiceUnavailableException", "Message": "Slow down"}}, "PutRecord")
        self.records.append(Record["Data"])


@pytest.fixture
def firehose(monkeypatch: pytest.MonkeyPatch) -> FakeFirehose:
    fake = FakeFirehose()
    monkeypatch.setattr(event_stream, "client", lambda: fake)
    return fake


def events(number: int) -> Sequence[Invocation]:
    return [
        Invocation(
            timestamp=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
            experiment_id="e",
            endpoint_name="sagemaker-reviews-dev",
            endpoint_variant="Champion1",
            target_variant="Champion1",
            strategy="ThompsonSampling",
            inference_id=f"i{index}",
            user_id="u",
        )
        for index in range(number)
    ]


def test_each_record_ends_with_its_own_newline(firehose: FakeFirehose) -> None:
    (event,) = events(1)
    EventStream("stream", FakeTable()).put(event)
    assert firehose.records == [event.to_line().encode() + b"\n"]


def test_what_is_not_taken_is_sent_once_it_can_be(firehose: FakeFirehose) -> None:
    """All of it, in batches, however many there are."""
    table = FakeTable()
    stream = EventStream("stream", table)
    lost = events(2 * REPLAYED_AT_ONCE + 3)
    firehose.takes = False
    for event in lost:
        stream.put(event)
    assert set(table.kept.values()) == {event.to_line() for event in lost}
    firehose.takes = True
    for _ in range(3):
        stream.put(lost[0])
    assert table.kept == {}
    assert set(firehose.records) == {event.to_line().encode() + b"\n" for event in lost}


def test_another_process_sends_them_too(firehose: FakeFirehose) -> None:
    table = FakeTable()
    first, second = events(2)
    firehose.takes = False
    EventStream("stream", table).put(first)
    firehose.takes = True
    EventStream("stream", table).put(second)
    assert len(firehose.records) == 2


def test_nobody_looks_for_parked_events_at_every_request(firehose: FakeFirehose) -> None:
    table = FakeTable()
    stream = EventStream("stream", table)
    first, second = events(2)
    stream.put(first)
    table.park("other", second.to_line())
    stream.put(first)
    assert table.kept
