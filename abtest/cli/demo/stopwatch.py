"""Measures how long each phase of the demo takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from abtest.cli.shown.output import say


class Stopwatch:
    """Measures the phases of the demo: `seconds` by phase, in order. A phase entered twice adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, announcement: str) -> Iterator[None]:
        """Announces the phase and times it."""
        say(f"== {announcement}")
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 3)
