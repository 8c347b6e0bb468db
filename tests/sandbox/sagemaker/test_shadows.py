"""A shadow variant sees what the production variant sees; data capture keeps what both answered."""

import base64
import json
from typing import Any

import pytest

from abtest.sandbox import clients
from abtest.sandbox.sagemaker import captures, state
from tests.sandbox.sagemaker import conftest
from tests.sandbox.sagemaker.artefacts import GOOD, create_model, failing_tar, model_tar, variant
from tests.sandbox.sagemaker.conftest import Local

pytestmark = pytest.mark.slow

CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/captures",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}
BODY = json.dumps({"instances": ["detailed"]}).encode()


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, str] = {}

    def put_object(self, **request: Any) -> None:
        self.objects[f"s3://{request['Bucket']}/{request['Key']}"] = request["Body"].decode()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    made = FakeS3()
    monkeypatch.setattr(clients, "client", lambda *_, **__: made)
    return made


def endpoint(local: Local, monkeypatch: pytest.MonkeyPatch, shadow: str = "opposite", **capture: Any) -> None:
    """`E`: production variant `a`, shadow variant `b`."""
    tars = {"opposite/model.tar.gz": lambda: model_tar(inverted=True), "failing/model.tar.gz": failing_tar}
    monkeypatch.setattr(conftest, "S3_OBJECTS", {**conftest.S3_OBJECTS, **tars})
    create_model(local.sagemaker, "a", "s3://bucket/good/model.tar.gz")
    create_model(local.sagemaker, "b", f"s3://bucket/{shadow}/model.tar.gz")
    local.sagemaker.create_endpoint_config(
        EndpointConfigName="c",
        ProductionVariants=[variant("a", "a")],
        ShadowProductionVariants=[variant("b", "b")],
        DataCaptureConfig=CAPTURE | capture,
    )
    local.sagemaker.create_endpoint(EndpointName="E", EndpointConfigName="c")
    local.settle()


def invoke(local: Local, **changes: Any) -> Any:
    arguments = {"EndpointName": "E", "ContentType": "application/json", "Body": BODY, "InferenceId": "i-1", **changes}
    answered = local.runtime.invoke_endpoint(**arguments)
    local.settle()
    assert answered["InvokedProductionVariant"] == "a"
    return json.loads(answered["Body"].read())


def lines(s3: FakeS3) -> dict[str, list[dict[str, Any]]]:
    """What was captured, by variant."""
    captures.flush()
    return {uri.split("/")[5]: [json.loads(line) for line in body.splitlines()] for uri, body in s3.objects.items()}


def counted(variant_name: str, metric: str) -> dict[str, int]:
    found: dict[str, int] = state.table("pending_metrics").get(f"E/{variant_name}/{metric}", {})
    return found


@pytest.mark.operation("InvokeEndpoint")
def test_a_shadow_is_asked_the_same_and_both_answers_are_captured(
    local: Local, monkeypatch: pytest.MonkeyPatch, s3: FakeS3
) -> None:
    endpoint(local, monkeypatch)
    described = local.sagemaker.describe_endpoint(EndpointName="E")
    assert [shadow["VariantName"] for shadow in described["ShadowProductionVariants"]] == ["b"]
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert invoke(local)[0]["label"] == [GOOD]
    found = lines(s3)
    assert {name: len(captured) for name, captured in found.items()} == {"a": 1, "b": 1}
    production, shadow = found["a"][0], found["b"][0]
    assert production["eventMetadata"] == shadow["eventMetadata"]
    assert production["eventMetadata"]["inferenceId"] == "i-1"
    assert production["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": BODY.decode(),
        "encoding": "JSON",
    }
    answers = [json.loads(one["captureData"]["endpointOutput"]["data"])[0]["label"] for one in (production, shadow)]
    assert answers[0] == [GOOD] != answers[1]
    assert counted("b", "Invocations") == counted("a", "Invocations") == {"1.0": 1}
    uri, _ = sorted(s3.objects)
    assert uri.startswith("s3://bucket/captures/E/a/20") and uri.endswith(".jsonl") and uri.count("/") == 10


def test_a_shadow_that_fails_is_counted_and_nobody_sees_it(
    local: Local, monkeypatch: pytest.MonkeyPatch, s3: FakeS3
) -> None:
    endpoint(local, monkeypatch, "failing", CaptureContentTypeHeader={"CsvContentTypes": ["text/csv"]})
    assert invoke(local)[0]["label"] == [GOOD]
    assert counted("b", "Invocation5XXErrors") == {"1.0": 1}
    assert counted("a", "Invocation5XXErrors") == {"0.0": 1}
    found = lines(s3)
    assert set(found) == {"a"}
    part = found["a"][0]["captureData"]["endpointInput"]
    assert (base64.b64decode(part["data"]), part["encoding"]) == (BODY, "BASE64")


def test_an_update_ends_shadow_and_capture(local: Local, monkeypatch: pytest.MonkeyPatch, s3: FakeS3) -> None:
    endpoint(local, monkeypatch)
    create_config = local.sagemaker.create_endpoint_config
    create_config(EndpointConfigName="d", ProductionVariants=[variant("a", "a")])
    local.sagemaker.update_endpoint(EndpointName="E", EndpointConfigName="d")
    local.settle()
    invoke(local)
    described = local.sagemaker.describe_endpoint(EndpointName="E")
    assert "ShadowProductionVariants" not in described and "DataCaptureConfig" not in described
    assert lines(s3) == {}
    assert counted("b", "Invocations") == {}


def test_sampling_is_a_share_of_the_requests() -> None:
    config = CAPTURE | {"InitialSamplingPercentage": 25}
    kept = sum(captures.sampled(config) is not None for _ in range(4000))
    assert 800 < kept < 1200
    assert captures.sampled(CAPTURE | {"EnableCapture": False}) is captures.sampled(None) is None
