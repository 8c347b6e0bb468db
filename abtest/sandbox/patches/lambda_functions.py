"""Lambda: what a handler raises keeps its name, and workers end with the sandbox."""

import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

FAILED = "__failed__"
IDLE_SECONDS = 15.0

# MiniStack's worker reports only the message of an exception, and is killed for it.
REPORT = 'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})'
FULL_REPORT = (
    'json.dumps({"status": "ok", "result": {"__failed__": {"errorMessage": str(e), "errorType": type(e).__name__, '
    '"requestId": context.aws_request_id, "stackTrace": traceback.format_tb(e.__traceback__)[1:]}}})'
)
LOGGED = 'sys.stderr.write("[ERROR] " + traceback.format_exc()); sys.stderr.flush(); '

# A worker in the middle of a handler does not see that its standard input was closed.
LOOP = "import sys, json, importlib, traceback, os, time\n"
WATCHED = (
    LOOP
    + """
def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.25)
    os._exit(1)

import threading
threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

import logging
logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))
"""
)


def install() -> None:
    errors()
    orphans_and_logs()
    latency()
    idle_environments()


def errors() -> None:
    """AWS: errorType is the exception's class, the traceback is logged, the environment is used again.

    MiniStack: errorType is always Runtime.HandlerError, and the next invocation starts a new process.
    """
    line = f"_real_stdout.write({REPORT} "
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert script.count(line) == 1, "MiniStack's Python worker is not the one that was patched"
    new = f"{LOGGED}_real_stdout.write({FULL_REPORT} "
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(line, new)
    execute = lambda_svc._execute_function_warm

    def execute_warm(*args: Any, **kwargs: Any) -> Any:
        result = execute(*args, **kwargs)
        body = result.get("body") if isinstance(result, dict) else None
        if isinstance(body, dict) and FAILED in body:
            return {**result, "body": body[FAILED], "error": True}
        return result

    lambda_svc._execute_function_warm = execute_warm


def orphans_and_logs() -> None:
    """Ends workers with a killed sandbox, and gives the root logger the handler that it has on AWS."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert script.count(LOOP) == 1, "MiniStack's Python worker is not the one that was patched"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(LOOP, WATCHED)


def latency() -> None:
    """Waits 1 ms for a silent handler's log, where MiniStack waits 50; a line that comes late is in the next one."""

    def drain(self: Any, *_args: Any) -> Any:
        time.sleep(0.001)
        return self._drain_stderr()

    assert hasattr(lambda_runtime.Worker, "_drain_stderr_bounded")
    lambda_runtime.Worker._drain_stderr_bounded = drain


def idle_environments() -> None:
    """AWS ends an environment that is idle for some minutes. MiniStack keeps one of each function, 45 MB, for ever."""

    def end_idle() -> None:
        before = time.time() - IDLE_SECONDS
        with lambda_runtime._lock:
            pools = lambda_runtime._workers
            idle = [one for pool in pools.values() for one in pool if not one.in_use and one.last_used < before]
            for key, pool in pools.items():
                pools[key] = [one for one in pool if one not in idle]
        lambda_runtime.kill_workers(idle)

    assert hasattr(lambda_svc, "reap_idle_workers"), "MiniStack's pool of workers is not the one that was patched"
    lambda_svc.reap_idle_workers = end_idle
