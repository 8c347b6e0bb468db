"""A command that takes long says meanwhile how far it is."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from abtest.cli.shown.output import say

PATIENCE_SECONDS = 2.0  # a command that takes no longer says nothing
SILENCE_SECONDS = 10.0  # the longest between two lines of a wait whose end is not known

T = TypeVar("T")


class Progress:
    """Says, every PATIENCE_SECONDS, how many of `total` steps are done."""

    def __init__(self, total: int) -> None:
        self._done, self._total, self._said = 0, total, time.monotonic()

    def step(self, what: str) -> None:
        """Counts one more step of `what` as done."""
        self._done += 1
        if self._done < self._total and time.monotonic() - self._said >= PATIENCE_SECONDS:
            self._said = time.monotonic()
            say(f"{self._done:,} of {self._total:,} {what}")


def told(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yields the `items`, of which there are `total`, and says how many are done."""
    progress = Progress(total)
    for item in items:
        yield item
        progress.step(what)


@contextmanager
def meanwhile(what: str | Callable[[], str]) -> Iterator[None]:
    """Says what goes on as long as the block lasts: a text with the seconds so far, or what a function says now."""
    begun, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        patience = PATIENCE_SECONDS
        while not ended.wait(patience):
            say(what() if callable(what) else f"{what}, {time.monotonic() - begun:.0f} s")
            patience = SILENCE_SECONDS

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
