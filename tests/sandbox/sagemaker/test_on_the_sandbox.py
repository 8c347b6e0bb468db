"""Endpoints of a running sandbox: its S3, EventBridge, CloudWatch, and what a restart keeps."""

import collections
import datetime
import json
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from scipy import stats

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.artefacts import IMAGE, create_config, create_model, model_tar

pytestmark = pytest.mark.slow

BODY = json.dumps({"instances": ["long and detailed"]}).encode()
METRICS = ("Invocations", "ModelLatency", "OverheadLatency", "Invocation4XXErrors", "Invocation5XXErrors")


class Endpoint:
    """An endpoint `name` of two variants, `a{name}` and `b{name}`, with the models of two artefacts in S3."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        self.connect()

    def connect(self) -> None:
        self.sagemaker = self.sandbox.client("sagemaker")
        self.runtime = self.sandbox.client("sagemaker-runtime", max_pool_connections=8)
        self.cloudwatch = self.sandbox.client("cloudwatch")

    @property
    def variants(self) -> tuple[str, str]:
        return f"a{self.name}", f"b{self.name}"

    def create(self) -> None:
        s3 = self.sandbox.client("s3")
        s3.create_bucket(Bucket=f"models-{self.name}")
        for model, inverted in zip(self.variants, (False, True), strict=True):
            s3.put_object(Bucket=f"models-{self.name}", Key=f"{model}.tar.gz", Body=model_tar(inverted=inverted))
            create_model(self.sagemaker, model, f"s3://models-{self.name}/{model}.tar.gz")
        a, b = self.variants
        create_config(self.sagemaker, self.name, **{a: 0.8, b: 0.2})
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        self.wait()

    def wait(self) -> None:
        wait_for(lambda: self.describe()["EndpointStatus"] == "InService")

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.name)
        return described

    def weigh(self, first: float, second: float) -> None:
        desired = [
            {"VariantName": variant, "DesiredWeight": weight}
            for variant, weight in zip(self.variants, (first, second), strict=True)
        ]
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=desired
        )

    def invoke(self, **arguments: Any) -> str:
        answered = self.runtime.invoke_endpoint(
            EndpointName=self.name, ContentType="application/json", Body=BODY, **arguments
        )
        answered["Body"].read()
        variant: str = answered["InvokedProductionVariant"]
        return variant

    def invoke_many(self, count: int, **arguments: Any) -> collections.Counter[str]:
        with ThreadPoolExecutor(8) as pool:
            return collections.Counter(pool.map(lambda _: self.invoke(**arguments), range(count)))

    def metric(self, name: str, variant: str, statistic: str = "Sum") -> float:
        """Over all points of the last and the coming hour."""
        now = datetime.datetime.now(datetime.UTC)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": "EndpointName", "Value": self.name}, {"Name": "VariantName", "Value": variant}],
            StartTime=now - datetime.timedelta(hours=1),
            EndTime=now + datetime.timedelta(hours=1),
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))

    def invocations(self) -> list[float]:
        return [self.metric("Invocations", variant) for variant in self.variants]


@pytest.fixture(scope="module")
def endpoint(sandbox: Sandbox) -> Endpoint:
    made = Endpoint(sandbox, "direct")
    made.create()
    return made


def test_invocations_in_cloudwatch_follow_the_weights(endpoint: Endpoint) -> None:
    counts = endpoint.invoke_many(2000)
    expected = [float(counts[variant]) for variant in endpoint.variants]
    wait_for(lambda: sum(endpoint.invocations()) >= 2000)
    assert endpoint.invocations() == expected
    assert stats.chisquare(expected, [1600, 400]).pvalue > 0.001
    a = endpoint.variants[0]
    assert {endpoint.metric(name, a, "SampleCount") for name in METRICS} == {expected[0]}
    assert 1 < endpoint.metric("ModelLatency", a, "Average") < 1_000_000
    assert endpoint.metric("Invocation4XXErrors", a) == endpoint.metric("Invocation5XXErrors", a) == 0


def test_a_target_variant_is_always_honoured(endpoint: Endpoint) -> None:
    for variant in endpoint.variants:
        assert endpoint.invoke_many(300, TargetVariant=variant) == {variant: 300}


def test_a_weight_change_leaves_no_gap(endpoint: Endpoint) -> None:
    done, served = threading.Event(), collections.Counter[str]()

    def keep_invoking() -> None:
        while not done.is_set():
            served[endpoint.invoke()] += 1

    with ThreadPoolExecutor(1) as pool:
        invoking = pool.submit(keep_invoking)
        endpoint.weigh(0, 1)
        assert endpoint.describe()["EndpointStatus"] == "Updating"
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            endpoint.weigh(1, 0)
        endpoint.wait()
        done.set()
        invoking.result()
    assert sum(served.values()) > 0
    assert endpoint.invoke_many(50) == {endpoint.variants[1]: 50}


@pytest.fixture
def queue(sandbox: Sandbox) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Receives the events of SageMaker on the default bus."""
    sqs, events = sandbox.client("sqs"), sandbox.client("events")
    url = sqs.create_queue(QueueName="sagemaker-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="sagemaker-events", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="sagemaker-events", Targets=[{"Id": "queue", "Arn": arn}])
    received: list[dict[str, Any]] = []

    def receive() -> list[dict[str, Any]]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            received.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return received

    yield receive
    events.remove_targets(Rule="sagemaker-events", Ids=["queue"])
    events.delete_rule(Name="sagemaker-events")


def test_events_reach_the_targets_of_rules(
    sandbox: Sandbox, endpoint: Endpoint, queue: Callable[[], list[dict[str, Any]]]
) -> None:
    sagemaker = sandbox.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="announced")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="announced", InferenceSpecification={"Containers": [{"Image": IMAGE}]}
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    def approved() -> list[dict[str, Any]]:
        return [e for e in queue() if e["detail"].get("ModelApprovalStatus") == "Approved"]

    (event, *_) = wait_for(approved)
    assert event["source"] == "aws.sagemaker"
    assert event["detail-type"] == "SageMaker Model Package State Change"
    assert event["resources"] == [arn]
    endpoint.weigh(1, 1)
    wait_for(lambda: "IN_SERVICE" in {e["detail"].get("EndpointStatus") for e in queue()})


def test_a_restart_keeps_endpoints_and_counts(sandbox_factory: Callable[..., Sandbox]) -> None:
    one = sandbox_factory("--endpoint-update-seconds", "2")
    endpoint = Endpoint(one, "kept")
    endpoint.create()
    counts = endpoint.invoke_many(40)
    endpoint.weigh(0, 1)
    one.restart()
    endpoint.connect()
    endpoint.wait()
    assert endpoint.invocations() == [counts[variant] for variant in endpoint.variants]
    assert endpoint.invoke_many(10) == {endpoint.variants[1]: 10}
    assert "Endpoint kept was Updating and goes on with that." in one.log


def test_an_endpoint_survives_a_kill(sandbox_factory: Callable[..., Sandbox]) -> None:
    one = sandbox_factory("--snapshot-seconds", "0.2", "--endpoint-update-seconds", "4")  # saved in time, however busy
    endpoint = Endpoint(one, "killed")
    endpoint.create()
    endpoint.weigh(0, 1)
    saved = one.data_dir / "state" / "sagemaker.json"
    wait_for(lambda: saved.exists() and '"EndpointStatus": "Updating"' in saved.read_text())
    one.restart(signal.SIGKILL)
    endpoint.connect()
    assert endpoint.invoke() in endpoint.variants
    endpoint.wait()
    assert endpoint.invoke_many(10) == {endpoint.variants[1]: 10}
