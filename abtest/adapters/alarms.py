"""CloudWatch alarms on a challenger's errors and latency; the event that one rises takes the variant out.

Named `{endpoint}/{variant}/{what}`: no name of an endpoint or a variant has a slash.
"""

from collections.abc import Iterable
from typing import Any

from abtest.adapters.metrics import MICROSECONDS, NAMESPACE, client, dimensions
from abtest.experiment.record.safety import CanaryConfig

PERIOD_SECONDS = 60
LEAST_ERRORS = 2  # in a period: one failed request is no pattern
LATENCY_PERIODS = 3  # in a row: the first requests to a new model are slow
LATENCY_STATISTIC = "p90"


def prefix(endpoint_name: str) -> str:
    """What the names of the endpoint's alarms begin with."""
    return f"{endpoint_name}/"


def variant_of(alarm_name: str, endpoint_name: str) -> str:
    """The variant whose alarm this is. Raises ValueError for another endpoint's."""
    endpoint, variant, _ = alarm_name.split("/")
    if endpoint != endpoint_name:
        raise ValueError(f"{alarm_name} is no alarm of {endpoint_name}")
    return variant


def put(endpoint_name: str, variant_name: str, canary: CanaryConfig) -> list[str]:
    """Makes the variant's alarms, or brings them up to date; returns their names."""
    alarms = []
    if canary.most_5xx_rate is not None:
        alarms.append(_errors(endpoint_name, variant_name, canary.most_5xx_rate))
    if canary.most_latency_ms is not None:
        alarms.append(_latency(endpoint_name, variant_name, canary.most_latency_ms))
    for alarm in alarms:
        client().put_metric_alarm(
            **alarm, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching", ActionsEnabled=False
        )
    return [alarm["AlarmName"] for alarm in alarms]


def _errors(endpoint_name: str, variant_name: str, most: float) -> dict[str, Any]:
    rate = f"IF(errors >= {LEAST_ERRORS}, errors / calls, 0)"
    return {
        "AlarmName": f"{prefix(endpoint_name)}{variant_name}/5xx-rate",
        "AlarmDescription": f"5XX rate above {most:g}",
        "Metrics": [
            _sum("errors", "Invocation5XXErrors", endpoint_name, variant_name),
            _sum("calls", "Invocations", endpoint_name, variant_name),
            {"Id": "rate", "Expression": rate, "ReturnData": True},
        ],
        "Threshold": most,
        "EvaluationPeriods": 1,
    }


def _sum(identifier: str, metric_name: str, endpoint_name: str, variant_name: str) -> dict[str, Any]:
    metric = {"Namespace": NAMESPACE, "MetricName": metric_name, "Dimensions": dimensions(endpoint_name, variant_name)}
    stat = {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": "Sum"}
    return {"Id": identifier, "MetricStat": stat, "ReturnData": False}


def _latency(endpoint_name: str, variant_name: str, most_ms: float) -> dict[str, Any]:
    return {
        "AlarmName": f"{prefix(endpoint_name)}{variant_name}/latency",
        "AlarmDescription": f"model latency ({LATENCY_STATISTIC}) above {most_ms:g} ms",
        "Namespace": NAMESPACE,
        "MetricName": "ModelLatency",
        "Dimensions": dimensions(endpoint_name, variant_name),
        "ExtendedStatistic": LATENCY_STATISTIC,
        "Period": PERIOD_SECONDS,
        "Threshold": most_ms * MICROSECONDS,
        "EvaluationPeriods": LATENCY_PERIODS,
    }


def keep_only(endpoint_name: str, names: Iterable[str]) -> list[str]:
    """Deletes the endpoint's other alarms; returns their names."""
    there = {alarm["AlarmName"] for alarm in _alarms(prefix(endpoint_name))}
    gone = sorted(there - set(names))
    for name in gone:
        client().delete_alarms(AlarmNames=[name])
    return gone


def raised(endpoint_name: str, variant_name: str) -> list[str]:
    """The variant's alarms that stand."""
    found = _alarms(f"{prefix(endpoint_name)}{variant_name}/")
    return [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"]


def _alarms(name_prefix: str) -> list[dict[str, Any]]:
    pages = client().get_paginator("describe_alarms").paginate(AlarmNamePrefix=name_prefix)
    return [alarm for page in pages for alarm in page["MetricAlarms"]]
