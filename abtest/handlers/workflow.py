"""What the handlers of the state machines share: their log, and evidence packed to pass between two states."""

import base64
import bz2
import json
from typing import Any

from aws_lambda_powertools import Logger

MOST_BYTES = 200_000  # Step Functions passes at most 262,144 bytes between states

logger = Logger(service="workflows")


class TooMuchEvidenceError(Exception):
    """The counts are too large to pass between two states."""


def packed(document: dict[str, Any]) -> str:
    """The document as compressed text. Raises TooMuchEvidenceError.

    Nearly all of a long experiment's evidence is small numbers, which bzip2 writes in a quarter less than gzip.
    """
    text = base64.b64encode(bz2.compress(json.dumps(document).encode())).decode()
    if len(text) > MOST_BYTES:
        raise TooMuchEvidenceError(f"The counts take {len(text)} bytes; {MOST_BYTES} can be passed on.")
    return text


def unpacked(text: str) -> dict[str, Any]:
    """What `packed` was given."""
    document: dict[str, Any] = json.loads(bz2.decompress(base64.b64decode(text)))
    return document
