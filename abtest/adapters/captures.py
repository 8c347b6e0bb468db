"""What an endpoint's variants answered to the same requests: SageMaker's data capture in S3."""

import base64
import datetime
import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import boto3

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


def answers(
    bucket_name: str,
    endpoint_name: str,
    variant_names: Sequence[str],
    *,
    began: datetime.datetime,
    now: datetime.datetime,
) -> list[dict[str, str]]:
    """Each variant's answers by what names their requests, from `began` to `now`, about MOST_PAIRS at most."""
    found: list[dict[str, str]] = [{} for _ in variant_names]
    hour = began.replace(minute=0, second=0, microsecond=0)
    while hour <= now and min(map(len, found)) < MOST_PAIRS:
        for name, known in zip(variant_names, found, strict=True):
            prefix = f"{PREFIX}/{endpoint_name}/{name}/{hour:%Y/%m/%d/%H}/"
            for request, answer in _captured(bucket_name, prefix, began):
                known.setdefault(request, answer)
        hour += HOUR
    return found


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
