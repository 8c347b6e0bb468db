"""What the handlers of the state machines share: their log, and evidence packed to pass between two states."""

import base64
import gzip
import json
from typing import Any

from aws_lambda_powertools import Logger

MOST_BYTES = 200_000  # Step Functions passes at most 262,144 bytes between states

logger = Logger(service="workflows")


class TooMuchEvidenceError(Exception):
    """The counts are too large to pass between two states."""


def packed(document: dict[str, Any]) -> str:
    """The document as compressed text: the history of a long experiment is repetitive. Raises TooMuchEvidenceError."""
    text = base64.b64encode(gzip.compress(json.dumps(document).encode(), mtime=0)).decode()
    if len(text) > MOST_BYTES:
        raise TooMuchEvidenceError(f"The counts take {len(text)} bytes; {MOST_BYTES} can be passed on.")
    return text


def unpacked(text: str) -> dict[str, Any]:
    """What `packed` was given."""
    document: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return document
