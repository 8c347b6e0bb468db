"""Runs jobs, each in a thread of its own, with a folder, a log, limits and one way to end."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from abtest.sandbox.sagemaker import background, state
from abtest.sandbox.sagemaker.jobs import logs, paths, records
from abtest.sandbox.sagemaker.jobs.images import UnknownImageError
from abtest.sandbox.sagemaker.jobs.kinds import Kind
from abtest.sandbox.sagemaker.jobs.process import (
    Ended,
    JobStoppedError,
    JobTimedOutError,
    Limits,
    SandboxStoppingError,
    run,
)
from abtest.sandbox.sagemaker.jobs.storage import StorageError
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.jobs")

DEFAULT_RUNTIME_SECONDS = 86_400

_running: dict[str, threading.Event] = {}  # stop events by ARN


class JobFailedError(Exception):
    """A job failed; the text becomes its FailureReason."""


@dataclass(frozen=True)
class Job:
    """A job while it runs; `root` stands for /opt/ml."""

    kind: Kind
    record: Json
    root: Path
    log: Path
    limits: Limits

    @property
    def name(self) -> str:
        return str(self.record[self.kind.name_key])

    def say(self, line: str) -> None:
        """Writes a line to the job's log; on a full disk only to the sandbox's."""
        try:
            with self.log.open("a") as log:
                log.write(line + "\n")
        except OSError:
            logger.error("%s: %s", self.name, line)

    def program(self, command: list[str], environment: dict[str, str]) -> Ended:
        return run(command, environment=environment, folder=self.root, log=self.log, limits=self.limits)


Work = Callable[[Job], None]
Finish = Callable[[Kind, Json, str, str], None]


def start(kind: Kind, record: Json, work: Work, finish: Finish = records.finish) -> threading.Thread:
    """Runs `work` in the background; its exceptions decide the job's last status."""
    register(record[kind.arn_key])
    return background.spawn(execute, kind, record, work, finish)


def register(arn: str) -> threading.Event:
    """Returns the event that stops the job: known before its thread begins, so that an early stop is not lost."""
    return _running.setdefault(arn, threading.Event())


def execute(kind: Kind, record: Json, work: Work, finish: Finish = records.finish) -> None:
    """Runs a job to its end in this thread (a tuning job's trials run so in its workers)."""
    name, arn = record[kind.name_key], record[kind.arn_key]
    limits = Limits(register(arn), time.monotonic() + _longest_run(record))
    records.change(record, **{kind.start_key: state.now()})
    try:
        status, reason = _outcome(kind, record, limits, work)
    except SandboxStoppingError:
        return
    if status == "Failed" and background.stopping.is_set():
        return  # what failed is the sandbox that is going away: the next start says so
    logs.publish(kind, name, paths.log_file(kind, name))
    paths.drop_root(kind, name)
    with state.lock:
        stopped = limits.stop.is_set() and status == "Completed"
        finish(kind, record, "Stopped" if stopped else status, reason)
        _running.pop(arn, None)


def _longest_run(record: Json) -> float:
    """Returns how long a job may run, in seconds; a tuning job has that among its resource limits."""
    limits = record.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    given = record.get("StoppingCondition", limits).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_SECONDS)
    return float(given)


def _outcome(kind: Kind, record: Json, limits: Limits, work: Work) -> tuple[str, str]:
    """Returns the job's last status and FailureReason."""
    try:
        name = record[kind.name_key]
        root = paths.fresh_root(kind, name)
        job = Job(kind, record, root, paths.log_file(kind, name), limits)
        work(job)
    except JobStoppedError:
        return "Stopped", ""
    except JobTimedOutError:
        return "MaxRuntimeExceeded", ""
    except SandboxStoppingError:
        raise
    except (JobFailedError, StorageError, UnknownImageError) as error:
        job.say(str(error))
        return "Failed", str(error)
    except OSError as error:
        logger.error("%s: %s", record[kind.arn_key], error)
        return "Failed", f"ClientError: Insufficient disk space or an unreadable file on the job's volume: {error}"
    except Exception as error:
        logger.exception("%s failed", record[kind.arn_key])
        return "Failed", f"InternalServerError: {type(error).__name__}: {error}"
    return "Completed", ""


def stop(kind: Kind, name: str) -> None:
    """Marks a running job as Stopping and ends its programs; raises as `records.begin_stop` does."""
    record = records.begin_stop(kind, name)
    event = _running.get(record[kind.arn_key])
    if event:
        event.set()


def stop_all() -> None:
    """Ends every program, for a reset of the sandbox."""
    for event in list(_running.values()):
        event.set()


def require_success(ended: Ended, reason: str = "") -> None:
    """Raises JobFailedError, in AWS's format, for an exit code other than 0."""
    if ended.code == 0:
        return
    text = reason or ended.last_lines
    if text.startswith(("ClientError:", "AlgorithmError:")):
        raise JobFailedError(f"{text}, exit code: {ended.code}")
    raise JobFailedError(f"AlgorithmError: {text}, exit code: {ended.code}")
