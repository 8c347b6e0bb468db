"""CloudWatch's metrics of an endpoint's variants, as SageMaker writes them."""

import datetime
import functools
from typing import Any

import boto3

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1000  # a millisecond; the unit of ModelLatency


@functools.cache
def client() -> Any:
    return boto3.client("cloudwatch")


def dimensions(endpoint_name: str, variant_name: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint_name}, {"Name": "VariantName", "Value": variant_name}]


def total(
    metric_name: str, endpoint_name: str, variant_name: str, *, began: datetime.datetime, now: datetime.datetime
) -> tuple[float, float]:
    """Sum and number of the values from the minute of `began` to `now`."""
    minute = datetime.timedelta(minutes=1)
    found = client().get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric_name,
        Dimensions=dimensions(endpoint_name, variant_name),
        StartTime=began.replace(second=0, microsecond=0),
        EndTime=now + minute,
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found), sum(point["SampleCount"] for point in found)


def latency_ms(
    endpoint_name: str, variant_name: str, *, began: datetime.datetime, now: datetime.datetime
) -> float | None:
    """The model's mean latency from the minute of `began` to `now`, in milliseconds; None if nothing was measured."""
    microseconds, count = total("ModelLatency", endpoint_name, variant_name, began=began, now=now)
    return microseconds / count / MICROSECONDS if count else None
