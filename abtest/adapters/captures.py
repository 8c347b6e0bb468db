"""What a shadow and the champion answered to the same requests: SageMaker's data capture in S3, and CloudWatch."""

import base64
import datetime
import functools
import json
from collections.abc import Iterator
from typing import Any

import boto3

from abtest.adapters import metrics
from abtest.experiment.evidence.shadow import Measured, compared
from abtest.experiment.record import times

PREFIX = "captures"
MOST_PAIRS = 10_000  # enough for any agreement, and for the memory of a function
HOUR = datetime.timedelta(hours=1)


@functools.cache
def client() -> Any:
    return boto3.client("s3")


def config(bucket_name: str) -> dict[str, Any]:
    """As CreateEndpointConfig takes it: every request and answer, encrypted as the bucket is."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket_name}/{PREFIX}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }


def measured(
    bucket_name: str,
    endpoint_name: str,
    champion: str,
    shadow: str,
    *,
    began: datetime.datetime,
    now: datetime.datetime,
) -> Measured:
    """What both answered from `began` to `now`, at most about MOST_PAIRS requests."""
    answers: dict[str, dict[str, str]] = {champion: {}, shadow: {}}
    hour = began.replace(minute=0, second=0, microsecond=0)
    while hour <= now and min(map(len, answers.values())) < MOST_PAIRS:
        for name, known in answers.items():
            prefix = f"{PREFIX}/{endpoint_name}/{name}/{hour:%Y/%m/%d/%H}/"
            for request, answer in _captured(bucket_name, prefix, began):
                known.setdefault(request, answer)
        hour += HOUR
    pairs, agreeing = compared(answers[champion], answers[shadow])
    errors, _ = metrics.total("Invocation5XXErrors", endpoint_name, shadow, began=began, now=now)
    champion_ms, shadow_ms = (_latency(endpoint_name, name, began, now) for name in (champion, shadow))
    return Measured(pairs, agreeing, round(errors), champion_ms, shadow_ms)


def _captured(bucket_name: str, prefix: str, began: datetime.datetime) -> Iterator[tuple[str, str]]:
    """The requests by what names them in both variants' captures, and the answers."""
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket_name, Prefix=prefix):
        for item in page.get("Contents", []):
            body = client().get_object(Bucket=bucket_name, Key=item["Key"])["Body"].read()
            for line in body.splitlines():
                event = json.loads(line)
                about, answer = event["eventMetadata"], event["captureData"].get("endpointOutput")
                if answer and times.from_text(about["inferenceTime"]) >= began.replace(microsecond=0):
                    yield about.get("inferenceId") or about["eventId"], _text(answer)


def _text(part: dict[str, str]) -> str:
    data = part["data"]
    return base64.b64decode(data).decode(errors="replace") if part["encoding"] == "BASE64" else data


def _latency(endpoint_name: str, variant_name: str, began: datetime.datetime, now: datetime.datetime) -> float | None:
    """The mean in milliseconds."""
    microseconds, count = metrics.total("ModelLatency", endpoint_name, variant_name, began=began, now=now)
    return microseconds / count / metrics.MICROSECONDS if count else None
