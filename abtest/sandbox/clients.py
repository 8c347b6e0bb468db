"""Makes boto3 clients on the sandbox's own port, for our code in its process; never use one on the event loop."""

import hashlib
import threading
from typing import Any

import boto3
from botocore.config import Config

from abtest.sandbox import settings

SECONDS_TO_START = 60.0
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

# Cleared while the sandbox starts: what is restored may run before the port is open, and waits here for it.
serving = threading.Event()
serving.set()

_lock = threading.Lock()
_clients: dict[tuple[str, str, str, bool], Any] = {}


def client(service: str, region: str = settings.REGION, *, role: str = "", validated: bool = True) -> Any:
    """Returns the boto3 client of `service`, shared by all threads; it waits for long calls and retries nothing.

    `role` is the ARN of the role whose permissions count, where identities are verified; without it, all is
    allowed. `validated=False` leaves it to the service to refuse a malformed request.
    """
    serving.wait(SECONDS_TO_START)
    role = role if settings.current().verify_identities else ""
    with _lock:
        key = (service, region, role, validated)
        if key not in _clients:
            _clients[key] = _new(*key)
        return _clients[key]


def _new(service: str, region: str, role: str, validated: bool) -> Any:
    config = Config(
        retries={"total_max_attempts": 1},
        read_timeout=900,
        inject_host_prefix=False,
        max_pool_connections=50,
        parameter_validation=validated,
        s3={"addressing_style": "path"},
    )
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=settings.current().url,
        config=config,
        **(_session(role) if role else ROOT),
    )


def _session(role: str) -> dict[str, str]:
    """Returns the keys of a session of the role, made as if an AWS service had assumed it."""
    from ministack.services import sts

    account, name = role.split(":")[4], role.rpartition("/")[2]
    key, secret, token = (hashlib.sha256(f"{kind} {role}".encode()).hexdigest() for kind in ("key", "secret", "token"))
    key = f"ASIA{key[:16].upper()}"
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/service",
        "UserId": f"{name}:service",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    sts.register_session(key, session)
    return {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}
