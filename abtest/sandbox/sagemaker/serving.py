"""Loads the artefacts that models serve, each one once."""

import hashlib
import threading
from urllib.parse import urlparse

from botocore.exceptions import ClientError, EndpointConnectionError

from abtest.sandbox import algorithms, clients
from abtest.sandbox.algorithms import Algorithm
from abtest.sandbox.model_server import Server
from abtest.sandbox.sagemaker import background


class LoadFailure(Exception):  # noqa: N818 - what a failed endpoint gives as its reason
    """A model cannot be served; the text says why, for FailureReason."""


START_SECONDS = 20.0  # how long an endpoint that is resumed waits for the sandbox's own S3

_lock = threading.Lock()
_loaded: dict[str, Server] = {}


def deploy(image: str, url: str | None) -> str:
    """Loads the artefact at `url` unless it is loaded; returns its key, by which `server` finds it.

    Raises LoadFailure for an image without a local implementation, and an artefact that is missing or corrupt.
    """
    algorithm = _algorithm(image)
    content = _fetch(url)
    key = hashlib.sha256(image.encode() + content).hexdigest()
    with _lock:
        if key not in _loaded:
            _loaded[key] = _load(algorithm, content, url)
    return key


def server(key: str, image: str, url: str | None) -> Server:
    """Returns the server of a deployed model, loaded anew after a restart of the sandbox. Raises LoadFailure."""
    found = _loaded.get(key)
    return found or _loaded[deploy(image, url)]


def keep_only(keys: set[str]) -> None:
    """Frees the memory of every model but these."""
    with _lock:
        for key in _loaded.keys() - keys:
            del _loaded[key]


def _algorithm(image: str) -> Algorithm:
    try:
        return algorithms.of_image(image)
    except algorithms.UnknownImageError as error:
        raise LoadFailure(str(error)) from error


def _load(algorithm: Algorithm, content: bytes, url: str | None) -> Server:
    try:
        return algorithm.load(content)
    except ValueError as error:
        raise LoadFailure(f"Failed to load the model data at {url}: {error}.") from error
    except ImportError as error:
        raise LoadFailure(
            f"The sandbox serves {algorithm.name} with a package that is not installed ({error}): "
            "install the project's extra `notebooks` (make setup-dev) and start the sandbox again."
        ) from error


def _fetch(url: str | None) -> bytes:
    parts = urlparse(url or "")
    if parts.scheme != "s3":
        raise LoadFailure(f"The model needs a ModelDataUrl that begins with s3://, not {url}.")
    try:
        return _read(parts.netloc, parts.path.removeprefix("/"))
    except ClientError as error:
        raise LoadFailure(f"Could not find model data at {url}.") from error


def _read(bucket: str, key: str) -> bytes:
    """Reads the object, and waits for it while the sandbox is still starting."""
    for _ in range(int(START_SECONDS / 0.25)):
        try:
            body: bytes = clients.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except EndpointConnectionError:
            if background.stopping.wait(0.25):
                break
        else:
            return body
    raise LoadFailure(f"S3 cannot be reached to read s3://{bucket}/{key}.")
