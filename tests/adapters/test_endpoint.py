"""Predictions: the request's shape, the parsed answer, AWS's errors by their names."""

import io
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber

from abtest.adapters import endpoint
from abtest.adapters.endpoint import EndpointError, ModelFailedError, Prediction, RefusedError, ThrottledError


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "sagemaker-runtime", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    monkeypatch.setattr(endpoint, "client", lambda: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def answer(body: bytes, **fields: str) -> dict[str, object]:
    return {"Body": StreamingBody(io.BytesIO(body), len(body)), **fields}


def invoke(target_variant: str | None = None) -> Prediction:
    return endpoint.invoke(
        "sagemaker-reviews-dev", "é", content_type="text/plain", inference_id="i", target_variant=target_variant
    )


def test_a_target_is_asked_for(stubber: Stubber) -> None:
    request = {
        "EndpointName": "sagemaker-reviews-dev",
        "Body": "é".encode(),
        "ContentType": "text/plain",
        "InferenceId": "i",
        "TargetVariant": "Champion1",
    }
    stubber.add_response("invoke_endpoint", answer(b'{"a": 1}', InvokedProductionVariant="Champion1"), request)
    assert invoke("Champion1") == Prediction("Champion1", {"a": 1})


def test_without_a_target_none_is_sent(stubber: Stubber) -> None:
    request = {"EndpointName": "sagemaker-reviews-dev", "Body": "é".encode(), "ContentType": "text/plain"}
    stubber.add_response("invoke_endpoint", answer(b"plain \xff"), request | {"InferenceId": "i"})
    assert invoke() == Prediction(None, "plain \ufffd")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ValidationError", RefusedError),
        ("ThrottlingException", ThrottledError),
        ("ModelError", ModelFailedError),
        ("ServiceUnavailable", ModelFailedError),
        ("ModelNotReadyException", ModelFailedError),
    ],
)
def test_errors_have_names(stubber: Stubber, code: str, error: type[EndpointError]) -> None:
    stubber.add_client_error("invoke_endpoint", code, "It says why")
    with pytest.raises(error, match="It says why"):
        invoke()


def test_no_answer_is_the_models_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = boto3.client(
        "sagemaker-runtime",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=endpoint.TIMEOUTS,
    )
    monkeypatch.setattr(endpoint, "client", lambda: closed)
    with pytest.raises(ModelFailedError, match="did not answer"):
        invoke()


def test_api_gateway_does_not_give_up_first() -> None:
    config: Config = endpoint.TIMEOUTS
    assert config.connect_timeout + config.read_timeout < 29
    assert config.retries["total_max_attempts"] == 1
