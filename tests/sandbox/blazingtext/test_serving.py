import json
from typing import Any

import numpy
import pytest

from abtest.sandbox.blazingtext.serving import Classifier, load
from abtest.sandbox.model_server import ClientFault
from tests.sandbox.sagemaker.artefacts import model_tar, packed


class FakeModel:
    """fastText's predict with fixed answers; it refuses newlines as fastText does."""

    def predict(self, text: str, k: int = 1) -> tuple[tuple[str, ...], Any]:
        assert "\n" not in text
        text.encode()
        return ("__label__A", "__label__B")[:k], numpy.asarray([1.00001, 0.25])[:k]


classifier = Classifier(FakeModel())


def test_json_instances_get_one_prediction_each() -> None:
    body = json.dumps({"instances": ["a b", "line\nbreak"], "configuration": {"k": 2}}).encode()
    answer, content_type = classifier.respond(body, "application/json; charset=utf-8", None)
    assert content_type == "application/json"
    assert json.loads(answer) == [{"label": ["__label__A", "__label__B"], "prob": [1.0, 0.25]}] * 2


def test_json_lines_get_a_line_each() -> None:
    body = b'{"source": "a", "k": 2}\n\n{"source": "\\ud800 b"}'
    answer, content_type = classifier.respond(body, "application/jsonlines", "*/*")
    assert content_type == "application/jsonlines"
    assert [json.loads(line) for line in answer.splitlines()] == [
        {"label": ["__label__A", "__label__B"], "prob": [1.0, 0.25]},
        {"label": ["__label__A"], "prob": [1.0]},
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "message"),
    [
        (b"a b", "text/plain", None, "Content type text/plain is not supported"),
        (b'{"instances": []}', "application/json", "text/csv", "Accept type text/csv"),
        (b"\xff", "application/json", None, "not UTF-8"),
        (b"a b", "application/json", None, "not JSON"),
        (b'["a"]', "application/json", None, "JSON object was expected"),
        (b"{}", "application/json", None, '"instances", a list of strings'),
        (b'{"instances": [1]}', "application/json", None, '"instances", a list of strings'),
        (b'{"instances": ["a"], "configuration": {"k": 0}}', "application/json", None, '"k" must be'),
        (b'{"instances": ["a"], "configuration": {"k": true}}', "application/json", None, '"k" must be'),
        (b'{"source": 1}', "application/jsonlines", None, '"source", a string'),
        (b'{"source": "a", "k": "2"}', "application/jsonlines", None, '"k" must be'),
    ],
)
def test_a_wrong_request_is_the_clients_fault(body: bytes, content_type: str, accept: str | None, message: str) -> None:
    with pytest.raises(ClientFault, match=message):
        classifier.respond(body, content_type, accept)


@pytest.mark.parametrize(
    ("artefact", "message"), [(b"no archive", "no tar archive"), (packed("other.bin", b"x"), "no model.bin")]
)
def test_an_artefact_without_a_model_is_refused(artefact: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(artefact)


@pytest.mark.slow
def test_a_trained_artefact_predicts() -> None:
    loaded = load(model_tar())
    assert loaded.predict("long and detailed")["label"] == ["__label__Helpful"]
    both = loaded.predict("bad", k=5)
    assert both["label"] == ["__label__NotHelpful", "__label__Helpful"]
    assert sum(both["prob"]) == pytest.approx(1, abs=1e-3)
