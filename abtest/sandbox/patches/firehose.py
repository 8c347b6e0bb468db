"""Firehose: AWS buffers records by BufferingHints, compresses and delivers them as one object, and never loses one.

MiniStack writes one uncompressed object a record. Here an accepted record is appended to a file in the data
folder; a thread delivers the file as one object when it is old or large enough, and deletes it then. The
object's key is chosen with the buffer, so that a delivery repeated after a crash replaces the same object.
"""

import base64
import contextvars
import gzip
import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import firehose

from abtest.sandbox import clients
from abtest.sandbox.settings import Settings

logger = logging.getLogger("abtest.firehose")

RETRY_SECONDS = 5.0
LONGEST_SECONDS = 24 * 3600  # that Firehose tries, on AWS
HEADER = ("bucket", "key", "gzipped", "region", "role")
Records = list[tuple[str, bytes]]


@dataclass
class Buffer:
    """A file of what is accepted and not delivered yet: the target in its first line, then a record a line."""

    path: Path
    bucket: str
    key: str
    gzipped: bool
    region: str
    role: str
    due_at: float  # monotonic seconds
    capacity: int  # bytes
    size: int = 0

    def write_header(self) -> None:
        header = {name: getattr(self, name) for name in HEADER}
        self.path.write_text(json.dumps(header) + "\n")

    def append(self, records: Records) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(base64.b64encode(data) + b"\n" for _, data in records))
        self.size += sum(len(data) for _, data in records)

    def body(self) -> bytes:
        """Joins the records as they came; a crash in the middle of a put may have torn the last line."""
        parts = []
        for line in self.path.read_bytes().split(b"\n")[1:-1]:
            parts.append(base64.b64decode(line))
        data = b"".join(parts)
        return gzip.compress(data, mtime=0) if self.gzipped else data

    @classmethod
    def left(cls, path: Path) -> "Buffer":
        """Reads the buffer of a killed process. Raises ValueError if it was killed before it wrote the target."""
        header = json.loads(path.read_bytes().partition(b"\n")[0])
        return cls(path, **{name: header[name] for name in HEADER}, due_at=0.0, capacity=0)


class Deliverer:
    """Holds the open buffers, by stream and destination, and the thread that delivers them."""

    def __init__(self, folder: Path, scale: float) -> None:
        self.folder = folder
        self.scale = scale
        self._open: dict[tuple[str, str, str, str], Buffer] = {}
        self._lock = threading.Lock()
        self._delivering = threading.Lock()
        self._wake = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._closed = [buffer for path in sorted(folder.glob("*.buffer")) if (buffer := _left(path))]

    def accept(self, stream: dict[str, Any], destination: dict[str, Any], records: Records) -> None:
        """Accepts a record. MiniStack calls it before it answers a put: from here on the records are safe."""
        records = firehose._apply_lambda_processors(stream, destination, records)
        destination["records"].clear()
        key = (get_account_id(), get_region(), stream["name"], destination["id"])
        with self._lock:
            opened = key not in self._open
            if opened:
                self._open[key] = self._opened(stream, destination["config"])
            self._open[key].append(records)
            if opened or _is_due(self._open[key]):
                self._wake.set()

    def _opened(self, stream: dict[str, Any], config: dict[str, Any]) -> Buffer:
        hints = config.get("BufferingHints") or {}
        gzipped = config.get("CompressionFormat") == "GZIP"
        arrival = firehose._arrival_time(config)
        stamp = firehose._java_time("yyyy-MM-dd-HH-mm-ss", arrival)
        suffix = config.get("FileExtension") or (".gz" if gzipped else "")
        prefix = firehose._evaluate_prefix(config.get("Prefix", ""), arrival)
        opened = Buffer(
            path=self.folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.buffer",
            bucket=firehose._s3_bucket_from_arn(config["BucketARN"]),
            key=f"{prefix}{stream['name']}-{stream['version']}-{stamp}-{uuid.uuid4()}{suffix}",
            gzipped=gzipped,
            region=get_region(),
            role=config.get("RoleARN", ""),
            due_at=time.monotonic() + hints.get("IntervalInSeconds", 300) * self.scale,
            capacity=hints.get("SizeInMBs", 5) * 2**20,
        )
        opened.write_header()
        return opened

    def run(self) -> None:
        while True:
            self._wake.wait(self._seconds_to_next())
            self._wake.clear()
            self.deliver(everything=False)
            if self._closed:
                time.sleep(RETRY_SECONDS)

    def _seconds_to_next(self) -> float | None:
        with self._lock:
            times = [buffer.due_at for buffer in self._open.values()]
        if self._closed:
            return 0.0
        return max(0.0, min(times) - time.monotonic()) if times else None

    def deliver(self, everything: bool) -> None:
        """Delivers the buffers that are due; those that cannot be delivered stay, on disk too, to be tried again."""
        with self._delivering:
            with self._lock:
                due = [key for key, buffer in self._open.items() if everything or _is_due(buffer)]
                self._closed += [self._open.pop(key) for key in due]
            self._closed = [b for b in self._closed if not _delivered(b) and not self._given_up(b)]

    def _given_up(self, buffer: Buffer) -> bool:
        """Says whether it has been tried for as long as on AWS, scaled: its bucket may be gone for good."""
        accepted_at = int(buffer.path.name.partition("-")[0]) / 1e9
        if time.time() - accepted_at < LONGEST_SECONDS * self.scale:
            return False
        logger.error("given up: the records for s3://%s/%s are lost", buffer.bucket, buffer.key)
        buffer.path.unlink(missing_ok=True)
        return True


def _is_due(buffer: Buffer) -> bool:
    return buffer.size >= buffer.capacity or time.monotonic() >= buffer.due_at


def _delivered(buffer: Buffer) -> bool:
    client = clients.client("s3", buffer.region, role=buffer.role)
    try:
        client.put_object(Bucket=buffer.bucket, Key=buffer.key, Body=buffer.body())
    except Exception as error:  # AWS tries for 24 hours whatever the reason
        logger.warning("not delivered to s3://%s/%s, will be tried again: %s", buffer.bucket, buffer.key, error)
        return False
    buffer.path.unlink(missing_ok=True)
    return True


def _left(path: Path) -> Buffer | None:
    try:
        return Buffer.left(path)
    except (ValueError, KeyError):
        logger.warning("%s holds no record: its writer was killed at once", path)
        path.unlink()
        return None


_deliverer: Deliverer | None = None


def install(settings: Settings) -> None:
    global _deliverer  # noqa: PLW0603 - one sandbox a process
    assert callable(firehose._deliver_records_to_s3)
    _deliverer = Deliverer(settings.data_dir.resolve() / "firehose", settings.buffer_scale)
    firehose._deliver_records_to_s3 = _deliverer.accept


def start() -> None:
    """Begins to deliver, first what a killed predecessor had accepted; the port must answer."""
    assert _deliverer is not None
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_deliverer.run,), name="firehose", daemon=True).start()


def deliver_all() -> None:
    """Delivers all buffers at a graceful stop, whatever the buffering hints say."""
    assert _deliverer is not None
    _deliverer.deliver(everything=True)
