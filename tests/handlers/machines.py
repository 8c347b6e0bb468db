"""What the tests of the machines' handlers share: an account by moto, and what stands in it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from abtest.adapters import assignments_table, event_stream
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.events import Conversion, Invocation
from abtest.experiment.record.experiment import Experiment
from abtest.handlers import acquire_lease, register_experiment, select_variants
from abtest.handlers.environment import read
from tests.adapters import conftest
from tests.adapters.samples import ENDPOINT

ENVIRONMENT = {
    "EXPERIMENT_CONFIG": json.dumps({"project_name": "reviews", "stage_name": "dev", "warmup": 2}),
    "EXPERIMENTS_TABLE_NAME": "experiments",
    "ASSIGNMENTS_TABLE_NAME": "assignments",
    "DELIVERY_STREAM_NAME": "stream",
    "BUCKET_NAME": "bucket",
    "ENDPOINT_NAME": ENDPOINT,
    "CHAMPION_GROUP_NAME": "reviews-champion",
    "CHALLENGER_GROUP_NAME": "reviews-challenger",
    "MODEL_EXECUTION_ROLE_ARN": "arn:aws:iam::000000000000:role/models",
}
MISSING = {"endpoint": {"EndpointStatus": "Missing", "EndpointConfigName": ""}}
EXECUTION = {"execution": "arn:execution"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, experiments: ExperimentsTable) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for group in ("reviews-champion", "reviews-challenger"):
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    boto3.client("s3").create_bucket(Bucket="bucket")
    conftest.create_table("assignments", "user")
    for module in (assignments_table, event_stream):
        module.client.cache_clear()
    read.cache_clear()
    yield
    read.cache_clear()


def approved(role: str) -> str:
    arn: str = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=f"reviews-{role}", ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    return arn


def built() -> select_variants.Selected:
    """A registered experiment of a champion and a challenger."""
    approved("champion"), approved("challenger")
    selected = select_variants.handler(MISSING, None)
    acquire_lease.handler(EXECUTION, None)
    register_experiment.handler(EXECUTION | of(selected), None)
    return selected


def of(selected: select_variants.Selected) -> dict[str, Any]:
    """What RegisterExperiment is told of a selection."""
    return {"experiment": selected["experiment"], "endpoint_config_name": selected["endpoint_config_name"]}


def registered(selected: select_variants.Selected) -> str:
    return register_experiment.handler(EXECUTION | of(selected), None)["change"]


def running(experiments: ExperimentsTable) -> Experiment:
    found = experiments.current(ENDPOINT)
    assert found is not None
    return found


def put_events(experiments: ExperimentsTable) -> None:
    """Ten users of each variant; all of the challenger's convert. And a line that is no event."""
    current = running(experiments)
    lines = ["no event"]
    for variant in current.variant_names:
        for number in range(10):
            common: dict[str, Any] = {
                "timestamp": current.started_at,
                "experiment_id": current.experiment_id,
                "endpoint_name": ENDPOINT,
                "endpoint_variant": variant,
                "target_variant": variant,
                "strategy": current.settings.strategy,
                "inference_id": f"{variant}{number}",
                "user_id": f"{variant}{number}",
                "decision_id": current.decision_id,
                "propensity": current.shares[variant],
            }
            lines.append(Invocation(**common).to_line())
            if variant.startswith("Challenger"):
                lines.append(Conversion(**common, reward=1.0, invocation_timestamp=current.started_at).to_line())
    hour = current.started_at.strftime("%Y/%m/%d/%H")
    boto3.client("s3").put_object(Bucket="bucket", Key=f"events/{hour}/a", Body="\n".join(lines).encode())
