"""Model servers: which code serves an image, and the artefacts that are loaded, each one once."""

import hashlib
import threading
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlparse

from botocore.exceptions import ClientError, EndpointConnectionError

from abtest.sandbox import clients
from abtest.sandbox.blazingtext import serving as blazingtext
from abtest.sandbox.sagemaker import background


class Server(Protocol):
    """A loaded model; safe to use from several threads."""

    def respond(self, body: bytes, content_type: str, accept: str | None) -> tuple[bytes, str]:
        """The response and its content type; raises blazingtext.ClientFault for a request that it refuses."""


class LoadFailure(Exception):  # noqa: N818 - what a failed endpoint gives as its reason
    """A model cannot be served; the text says why, for FailureReason."""


# A part of an image's URI, and what loads the artefact (a model.tar.gz) of such a model; raises ValueError.
LOADERS: dict[str, Callable[[bytes], Server]] = {"/blazingtext:": blazingtext.load}

START_SECONDS = 20.0  # how long an endpoint that is resumed waits for the sandbox's own S3

_lock = threading.Lock()
_loaded: dict[str, Server] = {}


def deploy(image: str, url: str | None) -> str:
    """Loads the artefact at `url` unless it is loaded; returns its key, by which `server` finds it.

    Raises LoadFailure for an image without a local implementation, and an artefact that is missing or corrupt.
    """
    loader = _loader(image)
    content = _fetch(url)
    key = hashlib.sha256(image.encode() + content).hexdigest()
    with _lock:
        if key not in _loaded:
            _loaded[key] = _load(loader, content, url)
    return key


def server(key: str, image: str, url: str | None) -> Server:
    """The server of a deployed model; loaded anew after the sandbox started again. Raises LoadFailure."""
    found = _loaded.get(key)
    return found or _loaded[deploy(image, url)]


def keep_only(keys: set[str]) -> None:
    """Frees the memory of every model but these."""
    with _lock:
        for key in _loaded.keys() - keys:
            del _loaded[key]


def _loader(image: str) -> Callable[[bytes], Server]:
    for part, loader in LOADERS.items():
        if part in image:
            return loader
    raise LoadFailure(f"The sandbox has no implementation of the image {image}.")


def _load(loader: Callable[[bytes], Server], content: bytes, url: str | None) -> Server:
    try:
        return loader(content)
    except ValueError as error:
        raise LoadFailure(f"Failed to load the model data at {url}: {error}.") from error


def _fetch(url: str | None) -> bytes:
    parts = urlparse(url or "")
    if parts.scheme != "s3":
        raise LoadFailure(f"The model needs a ModelDataUrl that begins with s3://, not {url}.")
    try:
        return _read(parts.netloc, parts.path.removeprefix("/"))
    except ClientError as error:
        raise LoadFailure(f"Could not find model data at {url}.") from error


def _read(bucket: str, key: str) -> bytes:
    """The object, waited for while the sandbox is still starting."""
    for _ in range(int(START_SECONDS / 0.25)):
        try:
            body: bytes = clients.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except EndpointConnectionError:
            if background.stopping.wait(0.25):
                break
        else:
            return body
    raise LoadFailure(f"S3 cannot be reached to read s3://{bucket}/{key}.")
