"""Runs threads for work that outlives its request: endpoint changes, jobs, pipeline executions, metrics."""

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import ParamSpec

Arguments = ParamSpec("Arguments")

logger = logging.getLogger("sagemaker.background")

# Set once, when the sandbox stops: a thread that waits does so with `stopping.wait(seconds)` and ends when it is set.
stopping = threading.Event()

_threads: set[threading.Thread] = set()


def spawn(function: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> threading.Thread:
    """Starts `function` in a daemon thread, in the caller's account and region; an exception is logged, not lost."""
    context = contextvars.copy_context()

    def run() -> None:
        try:
            context.run(function, *args, **kwargs)
        except Exception:
            logger.exception("%s failed", function.__qualname__)
        finally:
            _threads.discard(threading.current_thread())

    thread = threading.Thread(target=run, name=function.__qualname__, daemon=True)
    _threads.add(thread)
    thread.start()
    return thread


def stop(timeout_seconds: float = 10.0) -> list[str]:
    """Sets `stopping` and waits for every thread; returns the names of those that did not end in time."""
    stopping.set()
    deadline = time.monotonic() + timeout_seconds
    for thread in list(_threads):
        thread.join(max(0.0, deadline - time.monotonic()))
    return sorted(thread.name for thread in list(_threads) if thread.is_alive())
