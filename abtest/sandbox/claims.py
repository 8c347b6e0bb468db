"""A sandbox claims a data folder and a port. Whoever comes second ends with one line and code 1."""

import fcntl
import socket
import sys
from pathlib import Path
from typing import Any

from abtest.sandbox.settings import HOST


def folder(path: Path) -> Any:
    """Returns the open lock file of the data folder; the kernel frees it however the process ends."""
    lock = (path / "sandbox.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"{path} is in use by another sandbox: choose another --data-dir, or stop that one")
    return lock


def port(number: int) -> socket.socket:
    """Binds a socket to the port without listening yet: nobody connects before everything is restored."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, number))
    except OSError:
        sys.exit(f"port {number} is in use: choose another --port, or stop what listens there")
    return bound
