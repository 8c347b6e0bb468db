"""An endpoint: its predictions (sagemaker-runtime InvokeEndpoint), and shares of traffic as its weights."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# API Gateway gives up after 29 s, so the model has 25, and a second attempt would come too late.
TIMEOUTS = Config(connect_timeout=2, read_timeout=25, retries={"total_max_attempts": 1})
REFUSED_CODES = ("ValidationError", "ValidationException")
THROTTLED_CODES = ("ThrottlingException", "Throttling", "TooManyRequestsException")


class EndpointError(Exception):
    """The endpoint gave no prediction; the message says why."""


class RefusedError(EndpointError):
    """SageMaker refused the request: there is no such endpoint or variant, or it is not in service."""


class ThrottledError(EndpointError):
    """SageMaker limits the rate; the client may try again later."""


class ModelFailedError(EndpointError):
    """The model container failed or did not answer in time."""


@functools.cache
def client() -> Any:
    return boto3.client("sagemaker-runtime", config=TIMEOUTS)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """`predictions` as the model gave them: parsed if they are JSON, else text; `endpoint_variant` is what answered."""

    endpoint_variant: str | None
    predictions: Any


def invoke(
    endpoint_name: str, data: str, *, content_type: str, inference_id: str, target_variant: str | None = None
) -> Prediction:
    """The prediction for `data`, from `target_variant` or, if None, by SageMaker's own split. Raises EndpointError."""
    target = {"TargetVariant": target_variant} if target_variant else {}
    try:
        response = client().invoke_endpoint(
            EndpointName=endpoint_name,
            Body=data.encode(),
            ContentType=content_type,
            InferenceId=inference_id,
            **target,
        )
        body = response["Body"].read()
    except ClientError as error:
        raise _error_of(error) from error
    except BotoCoreError as error:
        raise ModelFailedError(f"The endpoint {endpoint_name} did not answer: {error}") from error
    return Prediction(response.get("InvokedProductionVariant"), _parsed(body))


def _error_of(error: ClientError) -> EndpointError:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in REFUSED_CODES:
        return RefusedError(message)
    if code in THROTTLED_CODES:
        return ThrottledError(message)
    return ModelFailedError(message or code)


def _parsed(body: bytes) -> Any:
    text = body.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def desired_weights(shares: Mapping[str, float]) -> list[dict[str, Any]]:
    """As UpdateEndpointWeightsAndCapacities takes them."""
    return [{"VariantName": name, "DesiredWeight": share} for name, share in shares.items()]


def current_weights(endpoint: Mapping[str, Any]) -> dict[str, float]:
    """Of the variants of an endpoint, described as by DescribeEndpoint."""
    return {item["VariantName"]: item["CurrentWeight"] for item in endpoint["ProductionVariants"]}
