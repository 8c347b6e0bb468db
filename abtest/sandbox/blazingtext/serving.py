"""Serves a BlazingText artefact: answers requests in the formats that AWS documents."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from abtest.sandbox.model_server import ClientFault, files, media_type

Prediction = dict[str, list[Any]]  # {"label": ["__label__X", ...], "prob": [0.9, ...]}, most probable first


class Classifier:
    """A trained model that answers requests; safe to use from several threads."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def respond(self, body: bytes, content_type: str, accept: str | None) -> tuple[bytes, str]:
        """Returns the response to `body` and its content type, which is the request's: BlazingText has no other.

        Raises ClientFault for an unknown or different content type and for a body that is not as documented.
        """
        kind = media_type(content_type)
        if kind not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise ClientFault(f"Content type {content_type} is not supported. Supported content types: {known}")
        if accept and media_type(accept) not in (kind, "*/*"):
            raise ClientFault(f"Accept type {accept} is not supported for content type {kind}: they must be equal")
        return _FORMATS[kind](self, _decoded(body)), kind

    def predict(self, text: str, k: int = 1) -> Prediction:
        """Returns the `k` most probable labels of `text` (fewer if the model has fewer), probabilities in 0..1."""
        line = text.encode(errors="replace").decode().replace("\n", " ")
        labels, probabilities = self._model.predict(line, k=k)
        return {"label": list(labels), "prob": [min(1.0, float(p)) for p in probabilities]}


def load(model_tar: bytes) -> Classifier:
    """Loads the classifier in a `model.tar.gz`; raises ValueError if there is none in it."""
    import fasttext  # it brings numpy: 0.2 s and 30 MB that only a process that serves shall pay

    content = _model_bin(model_tar)
    with tempfile.TemporaryDirectory(prefix="abtest-model-") as folder:
        path = Path(folder, "model.bin")
        path.write_bytes(content)
        return Classifier(fasttext.load_model(str(path)))


def _model_bin(model_tar: bytes) -> bytes:
    found = [content for name, content in files(model_tar).items() if Path(name).name == "model.bin"]
    if not found or not found[0]:
        raise ValueError("the model artefact holds no model.bin")
    return found[0]


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ClientFault(f"The request is not UTF-8: {error}") from error


def _respond_json(classifier: Classifier, body: str) -> bytes:
    request = _json_object(body)
    instances = request.get("instances")
    if not isinstance(instances, list) or not all(isinstance(text, str) for text in instances):
        raise ClientFault('The request needs "instances", a list of strings')
    k = _count(_mapping(request.get("configuration", {})))
    return json.dumps([classifier.predict(text, k) for text in instances]).encode()


def _respond_json_lines(classifier: Classifier, body: str) -> bytes:
    lines = [line for line in body.split("\n") if line.strip()]
    return b"".join(json.dumps(_predict_line(classifier, line)).encode() + b"\n" for line in lines)


def _predict_line(classifier: Classifier, line: str) -> Prediction:
    request = _json_object(line)
    if not isinstance(request.get("source"), str):
        raise ClientFault('Each line of the request needs "source", a string')
    return classifier.predict(request["source"], _count(request))


def _json_object(text: str) -> dict[str, Any]:
    try:
        return _mapping(json.loads(text))
    except json.JSONDecodeError as error:
        raise ClientFault(f"The request is not JSON: {error}") from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ClientFault(f"A JSON object was expected, not {json.dumps(value)[:100]}")
    return value


def _count(request: dict[str, Any]) -> int:
    k = request.get("k", 1)
    if type(k) is not int or k < 1:
        raise ClientFault(f'"k" must be a positive integer, not {json.dumps(k)}')
    return k


_FORMATS: dict[str, Callable[[Classifier, str], bytes]] = {
    "application/json": _respond_json,
    "application/jsonlines": _respond_json_lines,
}
