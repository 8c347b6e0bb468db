"""Signals that end this process, and what must happen before they do."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(handler: Any, *numbers: int) -> Iterator[None]:
    """`handler` for these signals in the block, what was there before after it. For the main thread alone."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def deferred() -> Iterator[None]:
    """What would end this process in the block does so right after it.

    Around `subprocess.Popen`: interrupted within it, the child runs and nobody knows its process id. The signals are
    not blocked, for the child would inherit that. Python handles signals in the main thread; others need no care.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    with handled(lambda number, _: came.append(number), *ENDING):
        yield
    for number in came:
        signal.raise_signal(number)
