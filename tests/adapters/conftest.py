"""AWS by moto for the adapters. Their clients stay: moto serves those that were made once it was imported."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from abtest.adapters import table
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.experiment import Experiment
from tests.adapters import samples


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def experiments(aws: None) -> ExperimentsTable:
    """The empty table `experiments`."""
    create_table("experiments", "endpoint_name")
    return ExperimentsTable("experiments")


@pytest.fixture
def begun(experiments: ExperimentsTable) -> Experiment:
    """The first experiment, with the lease held by `x`."""
    made = samples.experiment(samples.plan(1, (1,)))
    samples.begin(experiments, made)
    return made


def create_table(name: str, hash_key: str) -> None:
    keys = {hash_key: "HASH", "item": "RANGE"}
    table.client().create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
