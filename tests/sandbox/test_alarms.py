"""Alarms rise by the data of their own dimensions, with no call of anybody's, and say so by an event."""

import datetime
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE

pytestmark = pytest.mark.slow

NAMESPACE = "tests/alarms"


def put(sandbox: Sandbox, variant: str, minutes_ago: int = 0, **values: float) -> None:
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    dimensions = [{"Name": "VariantName", "Value": variant}]
    data = [{"MetricName": m, "Dimensions": dimensions, "Value": v, "Timestamp": at} for m, v in values.items()]
    sandbox.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)


def query(name: str, variant: str) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": "VariantName", "Value": variant}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}


def alarm(sandbox: Sandbox, name: str, **settings: Any) -> None:
    sandbox.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        **{"EvaluationPeriods": 1, "Threshold": 0.5} | settings,
    )


def rate(variant: str) -> list[dict[str, Any]]:
    return [query("errors", variant), query("calls", variant), {"Id": "rate", "Expression": "errors / calls"}]


def described(sandbox: Sandbox, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = sandbox.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found[0]


def becomes(sandbox: Sandbox, name: str, state: str) -> None:
    wait_for(lambda: described(sandbox, name)["StateValue"] == state, 20)


def test_metric_math_over_exact_dimensions_raises_the_alarm_and_an_event(sandbox: Sandbox) -> None:
    queue = sandbox.client("sqs").create_queue(QueueName="alarm-events")["QueueUrl"]
    events = sandbox.client("events")
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": "math/"}], "state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name="alarm-events", EventPattern=json.dumps(pattern))
    arn = "arn:aws:sqs:us-east-1:000000000000:alarm-events"
    events.put_targets(Rule="alarm-events", Targets=[{"Id": "1", "Arn": arn, "RoleArn": ROLE}])
    put(sandbox, "bad", errors=3, calls=4)
    put(sandbox, "good", errors=1, calls=4)
    for variant in ("bad", "good"):
        alarm(sandbox, f"math/{variant}", Metrics=rate(variant))
    becomes(sandbox, "math/bad", "ALARM")
    becomes(sandbox, "math/good", "OK")
    (message,) = wait_for(lambda: sandbox.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    event = json.loads(message["Body"])
    assert event["detail"]["alarmName"] == "math/bad"
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["resources"] == [described(sandbox, "math/bad")["AlarmArn"]]
    assert [query["Id"] for query in described(sandbox, "math/bad")["Metrics"]] == ["errors", "calls", "rate"]


def test_enough_of_the_periods_must_breach(sandbox: Sandbox) -> None:
    for name in ("calls", "errors"):
        put(sandbox, "periods", minutes_ago=1, **{name: 1})
    put(sandbox, "periods", minutes_ago=0, calls=1)
    single = {"Namespace": NAMESPACE, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2}
    for name in ("calls", "errors"):
        dimensions = [{"Name": "VariantName", "Value": "periods"}]
        alarm(sandbox, f"periods/{name}", MetricName=name, Dimensions=dimensions, **single)
    becomes(sandbox, "periods/calls", "ALARM")
    becomes(sandbox, "periods/errors", "OK")


def test_metric_math_that_the_sandbox_does_not_know_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="does not know ANOMALY_DETECTION_BAND"):
        alarm(sandbox, "unknown", Metrics=[query("calls", "x"), {"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(m)"}])
