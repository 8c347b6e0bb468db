"""The service in the test's own process, behind real boto3 clients: requests go no further than botocore."""

import asyncio
import functools
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError

from abtest.sandbox import settings
from abtest.sandbox.sagemaker import background, events, service, serving
from tests.sandbox.sagemaker.artefacts import model_tar

S3_OBJECTS: dict[str, Callable[[], bytes]] = {"good/model.tar.gz": model_tar, "bad/model.tar.gz": lambda: b"no archive"}


class Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """What MiniStack would hand to the service and back."""
    headers = {name.lower(): v if isinstance(v, str) else v.decode() for name, v in request.headers.items()}
    path = "/" + request.url.split("/", 3)[3]
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    status, answered, content = asyncio.run(service.handle_request(request.method, path, headers, body, {}))
    return AWSResponse(request.url, status, HeadersDict(answered), Raw(content))


@functools.cache
def client(name: str) -> Any:
    made = boto3.session.Session().client(
        name,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-send", answer)
    return made


class Local:
    """Everything that a test needs of the service in this process."""

    def __init__(self) -> None:
        self.sagemaker = client("sagemaker")
        self.runtime = client("sagemaker-runtime")
        self.events: list[dict[str, Any]] = []

    def settle(self) -> list[dict[str, Any]]:
        """Waits for what happens in the background; returns the events sent since the last call."""
        for thread in list(background._threads):
            thread.join(30)
        self.events.clear()
        while events.deliver_next():
            pass
        return list(self.events)


class Gate(threading.Event):
    """In place of `background.stopping`: every wait lasts until the gate is set, and nothing stops."""

    def wait(self, timeout: float | None = None) -> bool:
        assert super().wait(30), "the gate was never opened"
        return False


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    """An empty service, without delays, whose S3 has one good and one corrupt artefact in any bucket."""
    made = Local()
    monkeypatch.setattr(service, "_start", lambda: None)
    monkeypatch.setattr(events, "_put", made.events.append)
    monkeypatch.setattr(serving, "_read", read)
    before = settings.current()
    settings.use(settings.Settings(endpoint_create_seconds=0, endpoint_update_seconds=0, duplicate_events=0))
    service.reset()
    yield made
    made.settle()
    service.reset()
    settings.use(before)


def read(bucket: str, key: str) -> bytes:
    if key not in S3_OBJECTS:
        raise ClientError({"Error": {"Code": "NoSuchKey", "Message": bucket}}, "GetObject")
    return S3_OBJECTS[key]()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, local: Local) -> Iterator[Gate]:
    """Changes of endpoints wait until it is set."""
    made = Gate()
    monkeypatch.setattr(background, "stopping", made)
    yield made
    made.set()
    local.settle()


@pytest.fixture
def refused() -> Callable[..., str]:
    """refused("ValidationException", client.method, **arguments): the message of the error with this code."""

    def check(code: str, call: Callable[..., Any], **arguments: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        return str(error["Message"])

    return check
