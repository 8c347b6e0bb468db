"""Measures the peak memory of this process and all that it started."""

import threading

import psutil


def process_tree_bytes() -> int:
    """Sums over the process tree, in bytes, the proportional set size, in which shared pages are divided among users.

    Where the system has no PSS, as on macOS, the resident set size, which counts shared pages more than once.
    """
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(_process_bytes(process) for process in processes)


def _process_bytes(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0  # ended between listing and reading
    return int(getattr(info, "pss", info.rss))


class PeakMemory:
    """Samples the process tree each `interval_seconds` within a `with` block; `bytes` is the largest sum seen."""

    def __init__(self, interval_seconds: float = 1.0) -> None:
        self.bytes = 0
        self._interval_seconds = interval_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.bytes = max(self.bytes, process_tree_bytes())
            if self._done.wait(self._interval_seconds):
                return
