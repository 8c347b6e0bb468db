"""What a command that computes for long says meanwhile."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from abtest.cli.output import say

PATIENCE_SECONDS = 2.0  # a command that takes no longer says nothing

T = TypeVar("T")


class Progress:
    """Says, every PATIENCE_SECONDS, how many of `total` steps are done."""

    def __init__(self, total: int) -> None:
        self._done, self._total, self._said = 0, total, time.monotonic()

    def step(self, what: str) -> None:
        """One more is done, of `what`."""
        self._done += 1
        if self._done < self._total and time.monotonic() - self._said >= PATIENCE_SECONDS:
            self._said = time.monotonic()
            say(f"{self._done:,} of {self._total:,} {what}")


def told(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The `items`, of which there are `total`, with their Progress."""
    progress = Progress(total)
    for item in items:
        yield item
        progress.step(what)
