import functools
import pickle

import numpy
import pytest
import xgboost

from abtest.sandbox.model_server import ClientFault
from abtest.sandbox.xgboost.serving import Predictor, load
from tests.sandbox.sagemaker.artefacts import booster_json, packed

ROWS = b"1,0\n-1,1\n,0.5\n"


@functools.cache
def predictor() -> Predictor:
    return load(packed("xgboost-model.json", booster_json()))


def expected() -> list[float]:
    booster = xgboost.Booster()
    booster.load_model(bytearray(booster_json()))
    rows = numpy.array([[1, 0], [-1, 1], [numpy.nan, 0.5]])
    return [float(value) for value in booster.predict(xgboost.DMatrix(rows))]


def scores(answer: bytes) -> list[float]:
    return [float(value) for value in answer.decode().split(",")]


@pytest.mark.parametrize("content_type", ["text/csv", "Text/CSV; charset=utf-8"])
def test_rows_get_their_scores_joined_by_commas(content_type: str) -> None:
    answer, answered = predictor().respond(ROWS, content_type, "application/json")
    assert answered == "text/csv; charset=utf-8"
    assert scores(answer) == pytest.approx(expected())
    assert scores(answer)[0] > 0.5 > scores(answer)[1]


@pytest.mark.slow
def test_a_batch_transform_gets_a_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BATCH", "true")
    answer, _ = load(packed("xgboost-model.json", booster_json())).respond(ROWS, "text/csv", None)
    assert [float(line) for line in answer.decode().splitlines()] == pytest.approx(expected())


def test_an_empty_request_has_an_empty_answer() -> None:
    assert predictor().respond(b"\n", "text/csv", None)[0] == b""


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (ROWS, "text/libsvm", 415, "Content type text/libsvm is not supported"),
        (ROWS, "application/octet-stream", 415, "is not supported"),
        (b"1,no", "text/csv", 415, "csv format: could not convert string to float: 'no'"),
        (b"1,0\n1", "text/csv", 415, "csv format"),
        (b"\xff", "text/csv", 415, "csv format"),
        (b"1,0,0", "text/csv", 400, "expected: 2, got 3"),
        (b"1", "text/csv", 400, "expected: 2, got 1"),
    ],
)
def test_a_wrong_request_is_the_clients_fault(body: bytes, content_type: str, status: int, message: str) -> None:
    with pytest.raises(ClientFault, match=message) as caught:
        predictor().respond(body, content_type, None)
    assert caught.value.status == status


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xgboost-model", "./xgboost-model", "model.json"])
def test_the_booster_may_have_any_name(name: str) -> None:
    answer, _ = load(packed(name, booster_json())).respond(ROWS, "text/csv", None)
    assert scores(answer) == pytest.approx(expected())


@pytest.mark.slow
def test_ubjson_is_read_too() -> None:
    booster = xgboost.Booster()
    booster.load_model(bytearray(booster_json()))
    answer, _ = load(packed("xgboost-model", bytes(booster.save_raw("ubj")))).respond(ROWS, "text/csv", None)
    assert scores(answer) == pytest.approx(expected())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("artefact", "message"),
    [
        (b"no archive", "no tar archive"),
        (packed("code/inference.py", b"x"), r"one file at its top, the booster; found: \[\]"),
        (packed("xgboost-model.json", b'{"learner": {}}'), "holds no XGBoost model: "),
        (packed("xgboost-model.json", b"{ this"), "holds no XGBoost model: "),
        (packed("xgboost-model.json", booster_json()[:-200]), "holds no XGBoost model: "),
        (packed("xgboost-model", b""), "holds no XGBoost model: XGBoost crashes on it"),
        (packed("xgboost-model", pickle.dumps({"a": 1})), "is a pickle: save the booster with save_model"),
    ],
)
def test_an_artefact_without_a_booster_is_refused(artefact: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(artefact)
