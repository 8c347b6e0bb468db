"""AWS by moto for the adapters, whose cached clients are made anew for each test."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from abtest.adapters import captures, event_store, executions, metrics, registry, table
from abtest.adapters.experiments_table import ExperimentsTable

CLIENTS = (
    captures.client,
    event_store.client,
    executions.client,
    table.client,
    metrics.client,
    registry.client,
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    forget()
    with mock_aws():
        yield
    forget()


def forget() -> None:
    for client in CLIENTS:
        client.cache_clear()


@pytest.fixture
def experiments(aws: None) -> ExperimentsTable:
    """The empty table `experiments`."""
    create_table("experiments", "endpoint_name")
    return ExperimentsTable("experiments")


def create_table(name: str, hash_key: str) -> None:
    keys = {hash_key: "HASH", "item": "RANGE"}
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
