"""A world for the API's handlers: real tables and stream in moto, and an endpoint that answers as SageMaker does."""

import datetime
import functools
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from abtest.adapters import assignments_table, endpoint, table
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.variants import Shares, Variant
from abtest.handlers import api
from abtest.handlers.environment import read
from tests.docs import openapi
from tests.experiment import samples

BUCKET = "abtest-events"
ENDPOINT = "sagemaker-reviews-dev"
EVENTS = Path(__file__).parent.parent / "events"
STARTED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
VARIANTS = ("Champion1", "Challenger1")


@functools.cache
def aws(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


@dataclass
class FakeEndpoint:
    """The invoke_endpoint of `sagemaker-runtime`; `failure`, an error code, is what it answers while set."""

    variants: tuple[str, ...] = VARIANTS
    failure: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    body: bytes = b'[{"label": ["__label__Helpful"], "prob": [0.75]}]'

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        variant = request.get("TargetVariant", self.variants[0])
        code = self.failure or ("ValidationError" if variant not in self.variants else None)
        if code:
            raise ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, "InvokeEndpoint")
        return {"Body": io.BytesIO(self.body), "InvokedProductionVariant": variant, "ContentType": "application/json"}


@dataclass
class World:
    """`post` calls a handler as API Gateway does and returns the status and the parsed body.

    Both must be as docs/openapi.json says.
    """

    endpoint: FakeEndpoint
    monkeypatch: pytest.MonkeyPatch

    def post(self, handler: ModuleType, body: Any, **changes: Any) -> tuple[int, dict[str, Any]]:
        event = json.loads((EVENTS / "invocation.json").read_text())
        event["path"] = "/" + handler.__name__.rpartition(".")[2]
        event["body"] = body if isinstance(body, str) else json.dumps(body)
        response = handler.handler(event | changes, None)
        document = json.loads(response["body"])
        openapi.check(event["path"], response["statusCode"], document)
        return response["statusCode"], document

    def lines(self) -> list[str]:
        """The events in S3, by their times."""
        s3 = aws("s3")
        objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        bodies = [s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().decode() for item in objects]
        assert all(body.endswith("\n") for body in bodies)
        return sorted("".join(bodies).splitlines(), key=lambda line: str(json.loads(line)["timestamp"]))

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def breaks(self, module: ModuleType, service: str) -> None:
        """Nothing answers the module's client any more; it tries again without a pause."""
        self.monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        closed = boto3.client(service, endpoint_url="http://127.0.0.1:9", config=assignments_table.TIMEOUTS)
        self.monkeypatch.setattr(module, "client", lambda: closed)

    def heals(self, module: ModuleType, service: str) -> None:
        self.monkeypatch.setattr(module, "client", lambda: aws(service))


def experiment(**changes: Any) -> Experiment:
    """On `ENDPOINT`, half of the traffic for each of two variants."""
    variants = tuple(Variant(name, f"arn:aws:sagemaker:::model-package/{name}", 1.0, STARTED) for name in VARIANTS)
    given: dict[str, Any] = {
        "experiment_id": "reviews-dev-v1-1",
        "endpoint_name": ENDPOINT,
        "project": "reviews",
        "stage": "dev",
        "champion_version": 1,
        "variants": variants,
        "shares": Shares(dict.fromkeys(VARIANTS, 0.5)),
        "started_at": STARTED,
    }
    return samples.experiment(**given | changes)


def store(current: Experiment) -> None:
    item = table.to_item(current.to_json() | {"endpoint_name": current.endpoint_name, "item": "EXPERIMENT"})
    aws("dynamodb").put_item(TableName="experiments", Item=item)


def create_table(name: str, hash_key: str) -> None:
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (hash_key, "item")],
        BillingMode="PAY_PER_REQUEST",
    )


def create_stream() -> None:
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("firehose").create_delivery_stream(
        DeliveryStreamName="stream",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
        },
    )


def forget() -> None:
    """What a process keeps, but for the clients: moto serves those that were made once it was imported."""
    for cached in (read, api.assignments, api.stream):
        cached.cache_clear()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "EXPERIMENTS_TABLE_NAME": "experiments",
        "ASSIGNMENTS_TABLE_NAME": "assignments",
        "DELIVERY_STREAM_NAME": "stream",
        "ENDPOINT_PREFIX": "sagemaker-reviews-",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    fake = FakeEndpoint()
    monkeypatch.setattr(endpoint, "client", lambda: fake)
    forget()
    with mock_aws():
        create_table("experiments", "endpoint_name")
        create_table("assignments", "user")
        create_stream()
        store(experiment())
        yield World(fake, monkeypatch)
    monkeypatch.undo()
    forget()
