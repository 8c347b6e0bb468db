import io
import json
import tarfile
from pathlib import Path

import fasttext
import pytest

from abtest.cli.demo import verify
from abtest.cli.shown.output import UserError

LABELS = ["__label__Helpful", "__label__NotHelpful"] * 20
TEXTS = ["very good detail", "bad short"] * 20


@pytest.fixture(scope="module")
def model_tar(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("model")
    train = folder / "train.txt"
    train.write_text("".join(f"{label} {text}\n" for label, text in zip(LABELS, TEXTS, strict=True)))
    model = fasttext.train_supervised(str(train), epoch=25, lr=0.5, dim=8, minCount=1, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder / "model.bin", "model.bin")
    return buffer.getvalue()


def sources(texts: list[str]) -> list[str]:
    return [json.dumps({"source": text}) for text in texts]


def test_the_accuracy_is_that_of_the_artefact(model_tar: bytes) -> None:
    recomputed = verify.recompute(model_tar, sources(TEXTS), [LABELS[0]] * len(TEXTS))
    assert recomputed.accuracy == 0.5  # it separates the two texts, and half of these labels are wrong
    assert recomputed.test_rows == 40
    assert len(recomputed.model_sha256) == 64


def test_another_accuracy_in_the_summary_is_refused(model_tar: bytes) -> None:
    recomputed = verify.recompute(model_tar, sources(TEXTS), LABELS)
    verify.require_same("Champion1", 1.0, recomputed)
    with pytest.raises(UserError, match=r"Champion1: summary.json says test_accuracy 0.990000.*gets 1.000000"):
        verify.require_same("Champion1", 0.99, recomputed)


def test_a_test_slice_that_does_not_fit_its_labels_is_refused(model_tar: bytes) -> None:
    with pytest.raises(UserError, match="2 texts and 1 labels"):
        verify.recompute(model_tar, sources(TEXTS[:2]), LABELS[:1])
