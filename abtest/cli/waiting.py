"""What a command that computes for long says meanwhile."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from abtest.cli.output import say

PATIENCE_SECONDS = 2.0  # a command that takes no longer says nothing

T = TypeVar("T")


def told(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The `items`, of which there are `total`; every PATIENCE_SECONDS it says how many of `what` came."""
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if number < total and time.monotonic() - said >= PATIENCE_SECONDS:
            said = time.monotonic()
            say(f"{number:,} of {total:,} {what}")
