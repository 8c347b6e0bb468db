"""Runs a command that must not outlive the sandbox, however the sandbox ends.

    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=..., env=...,
    )

Keep `process.stdin` open: it is the leash. The command gets a process group of its own and an empty
standard input; everything in that group is killed when the pipe closes (the sandbox was killed, or you
close it) and when the command itself ends. SIGTERM to the guard is passed on to the group, which is killed
GRACE_SECONDS later; SIGINT and SIGHUP are ignored. The exit code is the command's, 128 + N if signal N ended
it, 127 if it cannot start. Standard library only, so that it starts in some 15 ms. Never send SIGKILL to the
guard itself: close the pipe.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 3.0


def main() -> int:
    for number in (signal.SIGINT, signal.SIGHUP):  # a terminal's, meant for the sandbox; the pipe tells what it did
        signal.signal(number, lambda *_: None)
    groups: list[int] = []  # the command's, once there is one
    ended_early = threading.Event()
    # Before the command starts: a SIGTERM in between would end the guard alone.
    signal.signal(signal.SIGTERM, lambda *_: end(groups[0]) if groups else ended_early.set())
    try:
        child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"cannot start {sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return 127
    groups.append(child.pid)
    if ended_early.is_set():
        end(child.pid)
    threading.Thread(target=kill_at_end_of_input, args=(child.pid,), daemon=True).start()
    code = child.wait()
    send(child.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def kill_at_end_of_input(group: int) -> None:
    while os.read(0, 4096):
        pass
    send(group, signal.SIGKILL)


def end(group: int) -> None:
    send(group, signal.SIGTERM)
    timer = threading.Timer(GRACE_SECONDS, send, (group, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # nobody is left; macOS says it so for zombies
        return


if __name__ == "__main__":
    sys.exit(main())
