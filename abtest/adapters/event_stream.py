"""Events to Firehose; what it does not take is parked in the assignments table and sent later."""

import functools
import itertools
import logging
import time
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from abtest.adapters.assignments_table import TIMEOUTS, AssignmentsTable
from abtest.experiment.record.events import Event

REPLAY_SECONDS = 60  # how often a process looks for parked events, its own or others'
REPLAYED_AT_ONCE = 25
MOST_REPLAYS = 400  # at a time: more are left to the next run

logger = logging.getLogger(__name__)


@functools.cache
def client() -> Any:
    return boto3.client("firehose", config=TIMEOUTS)


class EventStream:
    """The delivery stream; `assignments` holds the events that it did not take."""

    def __init__(self, stream_name: str, assignments: AssignmentsTable) -> None:
        self._stream_name = stream_name
        self._assignments = assignments
        self._replay_at = 0.0  # on the monotonic clock

    def put(self, event: Event) -> None:
        """Sends the event or, failing that, parks it or, failing that too, logs it. Raises nothing for an outage."""
        line = event.to_line()
        try:
            self._send(line)
        except (ClientError, BotoCoreError) as error:
            self._park(event.event_id, line, error)
            return
        if time.monotonic() >= self._replay_at:
            self._replay_at = time.monotonic() + REPLAY_SECONDS
            self._replay_quietly()

    def replay(self) -> int:
        """Sends parked events, a bounded number at once; returns how many. Raises botocore's errors.

        An event may be sent twice thereby; its id makes that harmless.
        """
        parked = self._assignments.parked(REPLAYED_AT_ONCE)
        for event in parked:
            self._send(event.line)
            self._assignments.unpark(event)
        return len(parked)

    def replay_all(self) -> None:
        """Sends the parked events, a bounded number; logs how many. In an outage they stay parked."""
        try:
            count = sum(itertools.takewhile(bool, (self.replay() for _ in range(MOST_REPLAYS))))
        except (ClientError, BotoCoreError):
            logger.exception("Parked events could not be sent")
        else:
            logger.info("%d parked events were sent", count)

    def _send(self, line: str) -> None:
        # Firehose joins records as they are: the newline must come with each.
        client().put_record(DeliveryStreamName=self._stream_name, Record={"Data": line.encode() + b"\n"})

    def _park(self, event_id: str, line: str, error: Exception) -> None:
        self._replay_at = 0.0
        try:
            self._assignments.park(event_id, line)
        except (ClientError, BotoCoreError):
            logger.exception("An event could be neither sent (%s) nor parked: %s", error, line)
            return
        logger.warning("Firehose did not take an event, which is parked: %s", error)

    def _replay_quietly(self) -> None:
        try:
            count = self.replay()
        except (ClientError, BotoCoreError) as error:
            logger.warning("Parked events could not be replayed: %s", error)
            return
        if count:
            logger.warning("%d parked events were sent", count)
        if count == REPLAYED_AT_ONCE:
            self._replay_at = 0.0  # there are more
