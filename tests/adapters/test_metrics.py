import datetime

import boto3
import pytest

from abtest.adapters import metrics
from tests.adapters.samples import ENDPOINT, NOW


@pytest.mark.usefixtures("aws")
def test_latency_is_the_mean_in_milliseconds_of_one_variant_since_it_began() -> None:
    before = NOW - datetime.timedelta(minutes=1)
    for variant, microseconds, at in (
        *(("Challenger1", value, NOW) for value in (20_000, 30_000)),
        ("Challenger1", 90_000, before),
        ("Champion1", 10_000, NOW),
    ):
        datum = {"MetricName": "ModelLatency", "Value": microseconds, "Timestamp": at}
        datum["Dimensions"] = metrics.dimensions(ENDPOINT, variant)
        boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])
    assert metrics.latency_ms(ENDPOINT, "Challenger1", began=NOW, now=NOW) == 25
    assert metrics.latency_ms(ENDPOINT, "Challenger2", began=NOW, now=NOW) is None
