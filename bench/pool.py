"""Runs tasks in at most two processes and says how far it is."""

import dataclasses
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any

MOST_PROCESSES = 2


@dataclasses.dataclass(frozen=True)
class Task:
    """A call to make, `function(*arguments)`, both to be pickled; `cost` is a guess: costly tasks start first."""

    label: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    cost: float = 1.0


def run(tasks: Sequence[Task], processes: int | None = None) -> list[Any]:
    """Returns what each task returns, in their order. A task that raises ends all with its exception."""
    wanted = min(processes or MOST_PROCESSES, os.cpu_count() or 1, len(tasks))
    order = sorted(range(len(tasks)), key=lambda index: -tasks[index].cost)
    results: list[Any] = [None] * len(tasks)
    progress = _Progress(len(tasks))
    if wanted <= 1:
        for index in order:
            results[index] = _timed(tasks[index])
            progress.done(tasks[index], results[index][1])
        return [result for result, _ in results]
    with ProcessPoolExecutor(wanted, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures: dict[Future[Any], int] = {pool.submit(_timed, tasks[index]): index for index in order}
        try:
            for future in as_completed(futures):
                index = futures[future]
                results[index] = future.result()
                progress.done(tasks[index], results[index][1])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [result for result, _ in results]


def _timed(task: Task) -> tuple[Any, float]:
    start = time.perf_counter()
    return task.function(*task.arguments), time.perf_counter() - start


class _Progress:
    def __init__(self, total: int) -> None:
        self._total, self._done, self._start = total, 0, time.perf_counter()

    def done(self, task: Task, seconds: float) -> None:
        self._done += 1
        minutes = (time.perf_counter() - self._start) / 60
        line = f"[{self._done}/{self._total}, {minutes:.1f} min] {task.label} ({seconds:.1f} s)"
        print(line, file=sys.stderr, flush=True)
