"""Checks the demo's result against the registered artefacts themselves, by a path of its own."""

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fasttext

from abtest.cli.shown.output import UserError


@dataclass(frozen=True)
class Recomputed:
    """What a model's artefact says by itself: its test accuracy (0..1), the rows tested on, its SHA-256."""

    accuracy: float
    test_rows: int
    model_sha256: str


def recompute(model_tar: bytes, sources: Sequence[str], labels: Sequence[str]) -> Recomputed:
    """Loads `model.bin` from a model.tar.gz with fastText and labels the test set anew.

    `sources` are the lines of the test slice (JSON, member `source`), `labels` their true labels.
    """
    if len(sources) != len(labels) or not labels:
        raise UserError(f"the test slice has {len(sources)} texts and {len(labels)} labels: run the pipeline again")
    with tarfile.open(fileobj=io.BytesIO(model_tar)) as archive:
        member = archive.extractfile("model.bin")
        assert member is not None, "model.bin is a file"
        binary = member.read()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.bin"
        path.write_bytes(binary)
        model = fasttext.load_model(str(path))
    predicted = [model.predict(json.loads(line)["source"])[0][0] for line in sources]
    right = sum(p == label for p, label in zip(predicted, labels, strict=True))
    return Recomputed(right / len(labels), len(labels), hashlib.sha256(binary).hexdigest())


def require_same(variant_name: str, stated: float, recomputed: Recomputed) -> None:
    """Raises UserError if the summary states another accuracy than the artefact has."""
    if abs(stated - recomputed.accuracy) > 1e-9:
        raise UserError(
            f"{variant_name}: summary.json says test_accuracy {stated:.6f}, but its registered artefact gets "
            f"{recomputed.accuracy:.6f} on the same {recomputed.test_rows} reviews"
        )
