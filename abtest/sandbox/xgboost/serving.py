"""XGBoost's built-in image as a server: an artefact of one booster in, CSV to CSV, as its container answers.

The container is public (github.com/aws/sagemaker-xgboost-container, algorithm mode): rows without label and header,
an empty field is a missing value, an answer is the predictions joined by commas whatever Accept says, and one a line
in a batch transform. It also reads libsvm, protobuf and pickled boosters; these are refused here.
"""

import os
import subprocess
import sys
from typing import Any

from abtest.sandbox.model_server import ClientFault, files, media_type

CSV = "text/csv"
ANSWERED = "text/csv; charset=utf-8"
UNSUPPORTED_MEDIA_TYPE = 415  # what the container answers to a body that it cannot read

CHECK = "abtest.sandbox.xgboost.check"
PICKLE = b"\x80"  # how every pickle of protocol 2 and later begins


class Predictor:
    """A booster that answers requests."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._features = booster.num_features()
        self._separator, self._end = ("\n", "\n") if os.environ.get("SAGEMAKER_BATCH") == "true" else (",", "")

    def respond(self, body: bytes, content_type: str, accept: str | None) -> tuple[bytes, str]:  # noqa: ARG002
        """Predicts the rows in `body`. Raises ClientFault for what is no table of numbers that fits."""
        if media_type(content_type) != CSV:
            message = f"Content type {content_type} is not supported: the sandbox reads {CSV} only"
            raise ClientFault(message, UNSUPPORTED_MEDIA_TYPE)
        if not body.strip():
            return b"", ANSWERED
        rows = _table(body)
        if rows.shape[1] != self._features:
            raise ClientFault(
                f"Unable to evaluate payload provided: Feature shape mismatch, expected: {self._features}, "
                f"got {rows.shape[1]}"
            )
        predictions = self._booster.inplace_predict(rows, validate_features=False).tolist()
        return (self._separator.join(map(str, predictions)) + self._end).encode(), ANSWERED


def load(model_tar: bytes) -> Predictor:
    """Returns the booster in a `model.tar.gz`, in XGBoost's JSON or UBJSON: the one file at its top, whatever its name.

    Raises ValueError if there is none, ImportError where the package is not installed.
    """
    import xgboost  # three seconds and 100 MB that only a process that serves it shall pay; the demo does without

    content = _booster_file(model_tar)
    _check(content)
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    return Predictor(booster)


def _check(content: bytes) -> None:
    """Raises ValueError for a booster that XGBoost cannot load, or that would end this process."""
    tried = subprocess.run([sys.executable, "-m", CHECK], input=content, capture_output=True, check=False)
    if tried.returncode:
        said = tried.stderr.decode(errors="replace").strip() if tried.returncode > 0 else "XGBoost crashes on it"
        raise ValueError(f"the model artefact holds no XGBoost model: {said}")


def _booster_file(model_tar: bytes) -> bytes:
    found = {name: content for name, content in files(model_tar).items() if "/" not in name and name[0] != "."}
    if len(found) != 1:
        raise ValueError(f"the model artefact must hold one file at its top, the booster; found: {sorted(found)}")
    ((name, content),) = found.items()
    if content.startswith(PICKLE):
        raise ValueError(f"{name} is a pickle: save the booster with save_model('xgboost-model.json')")
    return content


def _table(body: bytes) -> Any:
    """Reads rows x columns of float32, NaN where a field is empty."""
    import numpy

    try:
        lines = body.decode().strip().splitlines()
        rows = [[float(field or "nan") for field in map(str.strip, line.split(","))] for line in lines]
        return numpy.array(rows, dtype=numpy.float32)
    except ValueError as error:
        message = f"Loading csv data failed with Exception, please ensure data is in csv format: {error}"
        raise ClientFault(message, UNSUPPORTED_MEDIA_TYPE) from error
