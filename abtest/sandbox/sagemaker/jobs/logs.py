"""Puts a job's log into CloudWatch Logs, where users of AWS look for it."""

import logging
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_region

from abtest.sandbox import clients
from abtest.sandbox.sagemaker.jobs.kinds import TUNING, Kind

logger = logging.getLogger("sagemaker.jobs")

MOST_LINES = 10_000
LINES_A_CALL = 1_000  # with the lines' length, within the 1 MB that one put_log_events takes
LONGEST_LINE = 1_000


def publish(kind: Kind, name: str, log: Path) -> None:
    """Puts the log's last lines into the group of the job's kind; the file keeps all, so a failure only warns."""
    if kind == TUNING:  # its training jobs have logs, as on AWS
        return
    now = int(time.time() * 1000)
    lines = log.read_text(errors="replace").splitlines()[-MOST_LINES:] if log.exists() else []
    events = [{"timestamp": now, "message": line[:LONGEST_LINE]} for line in lines if line]
    if not events:
        return
    try:
        _put(kind.log_group, f"{name}/algo-1-{now // 1000}", events)
    except (BotoCoreError, ClientError) as error:
        logger.warning("The log of %s did not reach CloudWatch Logs: %s", name, error)


def _put(group: str, stream: str, events: list[dict[str, object]]) -> None:
    logs = clients.client("logs", get_region())
    try:
        logs.create_log_group(logGroupName=group)
    except logs.exceptions.ResourceAlreadyExistsException:
        logger.debug("%s exists", group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for start in range(0, len(events), LINES_A_CALL):
        batch = events[start : start + LINES_A_CALL]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
