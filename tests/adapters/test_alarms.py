import boto3
import pytest

from abtest.adapters import alarms
from abtest.experiment.record.safety import CanaryConfig
from tests.adapters.samples import ENDPOINT

CANARY = CanaryConfig(most_5xx_rate=0.1, most_latency_ms=250)


@pytest.mark.usefixtures("aws")
def test_each_variant_has_its_alarms_and_keeps_them_alone() -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"{ENDPOINT}x/Challenger1/latency",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Threshold=1,
    )
    names = alarms.put(ENDPOINT, "Challenger1", CANARY)
    assert names == [f"{ENDPOINT}/Challenger1/5xx-rate", f"{ENDPOINT}/Challenger1/latency"]
    assert alarms.put(ENDPOINT, "Challenger2", CanaryConfig(most_5xx_rate=None)) == []
    assert alarms.put(ENDPOINT, "Challenger1", CANARY) == names
    rate, latency = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert (rate["Threshold"], rate["TreatMissingData"]) == (0.1, "notBreaching")
    assert {q["Id"]: q.get("Expression") for q in rate["Metrics"]} == {
        "errors": None,
        "calls": None,
        "rate": "IF(errors >= 2, errors / calls, 0)",
    }
    stats = [query["MetricStat"] for query in rate["Metrics"] if "MetricStat" in query]
    assert [stat["Metric"]["MetricName"] for stat in stats] == ["Invocation5XXErrors", "Invocations"]
    dimensions = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "Challenger1"}]
    assert latency["Dimensions"] == stats[0]["Metric"]["Dimensions"] == dimensions
    assert (latency["Threshold"], latency["EvaluationPeriods"]) == (250_000, 3)  # microseconds
    assert alarms.keep_only(ENDPOINT, names[:1]) == names[1:]
    assert alarms.keep_only(ENDPOINT, ()) == names[:1]
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms()["MetricAlarms"]] == [
        f"{ENDPOINT}x/Challenger1/latency"
    ]


@pytest.mark.usefixtures("aws")
def test_the_alarms_that_stand() -> None:
    names = alarms.put(ENDPOINT, "Challenger1", CANARY)
    assert alarms.raised(ENDPOINT, "Challenger1") == []
    boto3.client("cloudwatch").set_alarm_state(AlarmName=names[1], StateValue="ALARM", StateReason="test")
    assert alarms.raised(ENDPOINT, "Challenger1") == names[1:]


def test_an_alarm_names_its_variant() -> None:
    assert alarms.variant_of(f"{ENDPOINT}/Challenger1/latency", ENDPOINT) == "Challenger1"
    with pytest.raises(ValueError, match="is no alarm of sagemaker-reviews-dev"):
        alarms.variant_of("sagemaker-other-dev/Challenger1/latency", ENDPOINT)
