"""Data capture: requests and answers of an endpoint's variants as JSON Lines in S3, in SageMaker's layout.

Below DestinationS3Uri: {endpoint}/{variant}/yyyy/mm/dd/hh/{minute-second-id}.jsonl, one object a variant and flush.
What AWS flushes within minutes comes within a second here. Only answered requests are captured, and what is captured is
lost if the sandbox is killed before the next flush.
"""

import base64
import dataclasses
import json
import logging
import random
import threading
import uuid
from datetime import UTC, datetime
from urllib.parse import urlparse

from ministack.core.responses import get_region

from abtest.sandbox import clients
from abtest.sandbox.sagemaker import background
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.captures")

FLUSH_SECONDS = 1.0
PLAIN = {"CSV": "CsvContentTypes", "JSON": "JsonContentTypes"}
Key = tuple[str, str, str, str, str]  # region, role, destination, endpoint, variant

_lines: dict[Key, list[str]] = {}
_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Request:
    """One invocation of an endpoint; `config` is its DataCaptureConfig if this invocation is captured."""

    endpoint_name: str
    body: bytes
    content_type: str
    accept: str | None
    inference_id: str | None
    config: Json | None
    event_id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC))


def sampled(config: Json | None) -> Json | None:
    """Returns `config` for the share of all requests that it samples, else None."""
    if not config or not config.get("EnableCapture", True):
        return None
    return config if random.random() * 100 < config["InitialSamplingPercentage"] else None


def keep(request: Request, variant: Json, answer: bytes, kind: str) -> None:
    """Captures what the variant answered."""
    if request.config is None:
        return
    modes = {option["CaptureMode"] for option in request.config["CaptureOptions"]}
    parts = {
        "endpointInput": ("INPUT", {"Input", "InputAndOutput"}, request.body, request.content_type),
        "endpointOutput": ("OUTPUT", {"Output", "InputAndOutput"}, answer, kind),
    }
    data = {
        part: _encoded(mode, content, content_type, request.config)
        for part, (mode, wanted, content, content_type) in parts.items()
        if wanted & modes
    }
    event = {"eventId": request.event_id, "inferenceTime": f"{request.at:%Y-%m-%dT%H:%M:%SZ}"}
    event |= {"inferenceId": request.inference_id} if request.inference_id else {}
    line = json.dumps({"captureData": data, "eventMetadata": event, "eventVersion": "0"})
    role, destination = variant["_role"], request.config["DestinationS3Uri"].rstrip("/")
    with _lock:
        key = (get_region(), role, destination, request.endpoint_name, variant["VariantName"])
        _lines.setdefault(key, []).append(line + "\n")


def _encoded(mode: str, content: bytes, content_type: str, config: Json) -> Json:
    """Writes a body as text where the configuration lists the content type, else in base64."""
    headers = config.get("CaptureContentTypeHeader", {})
    plain = content_type.partition(";")[0].strip()
    listed = (name for name, member in PLAIN.items() if plain in headers.get(member, ()))
    encoding = next(listed, "BASE64")
    data = base64.b64encode(content).decode() if encoding == "BASE64" else content.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def flush() -> None:
    """Writes the captures; what cannot be written is kept and tried again."""
    with _lock:
        taken = dict(_lines)
        _lines.clear()
    for key, lines in taken.items():
        try:
            _write(key, lines)
        except Exception:
            logger.exception("captures of %s are written later", key[3])
            with _lock:
                _lines[key] = lines + _lines.get(key, [])


def _write(key: Key, lines: list[str]) -> None:
    region, role, destination, endpoint_name, variant_name = key
    now, target = datetime.now(UTC), urlparse(destination)
    name = f"{endpoint_name}/{variant_name}/{now:%Y/%m/%d/%H}/{now:%M-%S}-{uuid.uuid4()}.jsonl"
    s3 = clients.client("s3", region, role=role)
    prefix = target.path.strip("/")
    s3.put_object(Bucket=target.netloc, Key=f"{prefix}/{name}" if prefix else name, Body="".join(lines).encode())


def pump() -> None:
    """Writes captures every second until the sandbox stops, and once more then; runs in a thread of its own."""
    while not background.stopping.wait(FLUSH_SECONDS):
        flush()
    flush()


def forget() -> None:
    with _lock:
        _lines.clear()
