import collections
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from scipy import stats

from abtest.sandbox.sagemaker import inference, serving, state
from tests.sandbox.sagemaker import conftest
from tests.sandbox.sagemaker.artefacts import (
    GOOD,
    XGBOOST_IMAGE,
    booster_json,
    create_config,
    create_model,
    model_tar,
    packed,
)
from tests.sandbox.sagemaker.conftest import Gate, Local

Refused = Callable[..., str]

BODY = json.dumps({"instances": ["detailed", "bad bad"]}).encode()


@pytest.fixture
def endpoint(local: Local, monkeypatch: pytest.MonkeyPatch) -> str:
    """An endpoint with a model `a` (0.75), and `b` (0.25) which says the opposite."""
    opposite = {"opposite/model.tar.gz": lambda: model_tar(inverted=True)}
    monkeypatch.setattr(conftest, "S3_OBJECTS", {**conftest.S3_OBJECTS, **opposite})
    create_model(local.sagemaker, "a", "s3://bucket/good/model.tar.gz")
    create_model(local.sagemaker, "b", "s3://bucket/opposite/model.tar.gz")
    create_config(local.sagemaker, "c", a=0.75, b=0.25)
    local.sagemaker.create_endpoint(EndpointName="E", EndpointConfigName="c")
    local.settle()
    return "E"


def invoke(local: Local, **changed: Any) -> dict[str, Any]:
    arguments = {"EndpointName": "E", "ContentType": "application/json", "Body": BODY, **changed}
    answered: dict[str, Any] = local.runtime.invoke_endpoint(**arguments)
    return answered


def drawn(local: Local, count: int) -> list[str]:
    return [invoke(local)["InvokedProductionVariant"] for _ in range(count)]


def counted(metric: str, variant: str = "a") -> dict[str, int]:
    found: dict[str, int] = state.table("pending_metrics").get(f"E/{variant}/{metric}", {})
    return found


@pytest.mark.operation("InvokeEndpoint")
def test_each_variant_answers_with_its_own_model(local: Local, endpoint: str) -> None:
    labels = {}
    for variant in ("a", "b"):
        answered = invoke(local, TargetVariant=variant, InferenceId="i-1", CustomAttributes="x=1")
        assert answered["InvokedProductionVariant"] == variant
        assert answered["ContentType"] == "application/json"
        assert answered["CustomAttributes"] == "x=1"
        assert answered["ResponseMetadata"]["HTTPHeaders"]["x-amzn-sagemaker-inference-id"] == "i-1"
        labels[variant] = [p["label"][0] for p in json.loads(answered["Body"].read())]
    assert labels["a"] == labels["b"][::-1]
    assert labels["a"][0] == GOOD


@pytest.mark.slow
def test_untargeted_traffic_follows_the_weights(local: Local, endpoint: str) -> None:
    counts = collections.Counter(drawn(local, 1000))
    assert stats.chisquare([counts["a"], counts["b"]], [750, 250]).pvalue > 0.001


def test_the_same_endpoint_draws_the_same_variants_in_every_run(local: Local, endpoint: str) -> None:
    first = drawn(local, 30)
    inference.forget_draws()
    assert drawn(local, 30) == first


@pytest.mark.operation("InvokeEndpoint", error="ValidationError")
def test_what_does_not_serve_is_refused(local: Local, endpoint: str, refused: Refused) -> None:
    runtime = local.runtime.invoke_endpoint
    unknown = refused("ValidationError", runtime, EndpointName="X", Body=BODY)
    assert unknown == "Endpoint X of account 000000000000 not found."
    variant = refused("ValidationError", runtime, EndpointName="E", Body=BODY, TargetVariant="z")
    assert variant == "Variant z not found for endpoint E."


def test_an_endpoint_in_creation_is_refused(local: Local, endpoint: str, gate: Gate, refused: Refused) -> None:
    local.sagemaker.create_endpoint(EndpointName="New", EndpointConfigName="c")
    refused("ValidationError", local.runtime.invoke_endpoint, EndpointName="New", Body=BODY)


def test_weights_of_zero_are_refused(local: Local, endpoint: str, refused: Refused) -> None:
    change = [{"VariantName": name, "DesiredWeight": 0.0} for name in ("a", "b")]
    local.sagemaker.update_endpoint_weights_and_capacities(EndpointName="E", DesiredWeightsAndCapacities=change)
    local.settle()
    assert "weight 0" in refused("ValidationError", local.runtime.invoke_endpoint, EndpointName="E", Body=BODY)
    assert invoke(local, TargetVariant="b")["InvokedProductionVariant"] == "b"


@pytest.mark.operation("InvokeEndpoint", error="ModelError")
def test_a_payload_that_the_model_refuses_is_a_model_error(local: Local, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(local, TargetVariant="a", Body=b'{"instances": 1}')
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 400
    assert "instances" in response["OriginalMessage"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert counted("Invocation4XXErrors") == {"1.0": 1}
    assert counted("Invocation5XXErrors") == {"0.0": 1}


@pytest.fixture
def booster(local: Local, monkeypatch: pytest.MonkeyPatch) -> str:
    """An endpoint of XGBoost's image, two variants whose boosters say the opposite."""
    for name, inverted in (("x", False), ("y", True)):
        artefact = packed("xgboost-model.json", booster_json(inverted=inverted))
        monkeypatch.setitem(conftest.S3_OBJECTS, f"{name}/model.tar.gz", functools.partial(bytes, artefact))
        create_model(local.sagemaker, name, f"s3://bucket/{name}/model.tar.gz", XGBOOST_IMAGE)
    create_config(local.sagemaker, "boosters", x=1, y=1)
    local.sagemaker.create_endpoint(EndpointName="E", EndpointConfigName="boosters")
    local.settle()
    return "E"


@pytest.mark.slow
@pytest.mark.operation("InvokeEndpoint")
def test_xgboosts_image_answers_csv_with_scores(local: Local, booster: str) -> None:
    scores = {}
    for variant in ("x", "y"):
        answered = invoke(local, ContentType="text/csv", Body=b"1,0\n-1,0", TargetVariant=variant)
        assert answered["ContentType"] == "text/csv; charset=utf-8"
        scores[variant] = [float(score) for score in answered["Body"].read().decode().split(",")]
    assert scores["x"][0] > 0.5 > scores["x"][1]
    assert scores["y"][0] < 0.5 < scores["y"][1]


@pytest.mark.slow
@pytest.mark.operation("InvokeEndpoint", error="ModelError")
def test_a_refusal_has_the_status_of_the_algorithms_container(local: Local, booster: str) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(local, TargetVariant="x")
    assert caught.value.response["OriginalStatusCode"] == 415
    assert "Content type application/json is not supported" in caught.value.response["OriginalMessage"]


def test_a_model_that_fails_is_a_model_error(
    local: Local, endpoint: str, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.keep_only(set())
    monkeypatch.setattr(conftest, "S3_OBJECTS", {})
    message = refused("ModelError", invoke, local=local, TargetVariant="a")
    assert message.startswith('Received server error (500) from primary with message "Could not find model data')
    assert counted("Invocation5XXErrors") == {"1.0": 1}


@pytest.mark.operation("InvokeEndpoint", error="413")
def test_a_body_of_more_than_6_megabytes_is_refused(local: Local, endpoint: str, refused: Refused) -> None:
    body = b" " * (6 * 1024 * 1024 + 1)
    refused("413", local.runtime.invoke_endpoint, EndpointName="E", Body=body)


def test_every_invocation_is_counted_with_its_latency(local: Local, endpoint: str) -> None:
    for _ in range(5):
        invoke(local, TargetVariant="a")
    assert counted("Invocations") == {"1.0": 5}
    assert counted("Invocations", "b") == {}
    assert sum(counted("ModelLatency").values()) == sum(counted("OverheadLatency").values()) == 5
    assert all(0 < float(value) < 1_000_000 for value in counted("ModelLatency"))
