"""boto3 clients on the sandbox's own port, for our code inside the process; never use one on the event loop."""

import threading
from typing import Any

import boto3
from botocore.config import Config

from abtest.sandbox import settings

SECONDS_TO_START = 60.0

# Cleared while the sandbox starts: what is restored may run before the port is open, and waits here for it.
serving = threading.Event()
serving.set()

_lock = threading.Lock()
_clients: dict[tuple[str, str], Any] = {}


def client(service: str, region: str = settings.REGION) -> Any:
    """The boto3 client of `service`, shared by all threads; long-running calls are waited for, nothing is retried."""
    serving.wait(SECONDS_TO_START)
    with _lock:
        if (service, region) not in _clients:
            _clients[service, region] = _new(service, region)
        return _clients[service, region]


def _new(service: str, region: str) -> Any:
    config = Config(
        retries={"total_max_attempts": 1},
        read_timeout=900,
        inject_host_prefix=False,
        max_pool_connections=50,
        s3={"addressing_style": "path"},
    )
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=settings.current().url,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the sandbox's dummy credentials
        config=config,
    )
