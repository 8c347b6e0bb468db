from typing import Any

import pytest

from abtest.sandbox import clients
from abtest.sandbox.sagemaker import background, metrics, state
from tests.sandbox.sagemaker.conftest import Local


class CloudWatch:
    """Takes metric data; fails at the calls whose numbers are in `failing`."""

    def __init__(self, failing: tuple[int, ...] = ()) -> None:
        self.failing = failing
        self.calls: list[list[dict[str, Any]]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        assert Namespace == "AWS/SageMaker"
        self.calls.append(MetricData)
        if len(self.calls) in self.failing:
            raise ConnectionError("CloudWatch cannot be reached")

    def total(self, metric: str) -> float:
        good = [data for number, data in enumerate(self.calls, 1) if number not in self.failing]
        chosen = [d for data in good for d in data if d["MetricName"] == metric]
        return float(sum(v * n for d in chosen for v, n in zip(d["Values"], d["Counts"], strict=True)))


def use(monkeypatch: pytest.MonkeyPatch, fake: CloudWatch) -> CloudWatch:
    monkeypatch.setattr(clients, "client", lambda *_: fake)
    return fake


def test_counts_are_written_once_with_their_dimensions(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = use(monkeypatch, CloudWatch())
    for latency in (5, 5, 7):
        metrics.record("E", "a", {"Invocations": 1, "ModelLatency": latency})
    metrics.flush()
    metrics.flush()
    (data,) = cloudwatch.calls
    by_name = {datum["MetricName"]: datum for datum in data}
    assert by_name["Invocations"]["Dimensions"] == [
        {"Name": "EndpointName", "Value": "E"},
        {"Name": "VariantName", "Value": "a"},
    ]
    assert (by_name["Invocations"]["Values"], by_name["Invocations"]["Counts"]) == ([1.0], [3.0])
    assert (by_name["ModelLatency"]["Values"], by_name["ModelLatency"]["Counts"]) == ([5.0, 7.0], [2.0, 1.0])
    assert by_name["ModelLatency"]["Unit"] == "Microseconds"


def test_a_datum_has_at_most_150_values(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = use(monkeypatch, CloudWatch())
    for latency in range(400):
        metrics.record("E", "a", {"ModelLatency": latency})
    metrics.flush()
    assert [len(datum["Values"]) for datum in cloudwatch.calls[0]] == [150, 150, 100]


def test_what_cannot_be_written_is_kept(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_DATA", 1)
    cloudwatch = use(monkeypatch, CloudWatch(failing=(2,)))
    metrics.record("E", "a", {"Invocations": 1})
    metrics.record("E", "b", {"Invocations": 1})
    with pytest.raises(ConnectionError):
        metrics.flush()
    metrics.record("E", "b", {"Invocations": 1})
    metrics.flush()
    assert cloudwatch.total("Invocations") == 3
    assert state.table("pending_metrics").values() == []


def test_the_pump_writes_once_more_when_the_sandbox_stops(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = use(monkeypatch, CloudWatch())
    metrics.record("E", "a", {"Invocations": 1})
    monkeypatch.setattr(background.stopping, "wait", lambda _: True)
    metrics.pump()
    assert cloudwatch.total("Invocations") == 1


def test_the_pump_survives_a_failure(
    local: Local, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cloudwatch = use(monkeypatch, CloudWatch(failing=(1,)))
    metrics.record("E", "a", {"Invocations": 1})
    stops = iter([False, False, True])
    monkeypatch.setattr(background.stopping, "wait", lambda _: next(stops))
    metrics.pump()
    assert "metrics are kept and written later" in caplog.text
    assert cloudwatch.total("Invocations") == 1
