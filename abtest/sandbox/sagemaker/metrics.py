"""Counts the CloudWatch metrics of endpoints exactly, and writes them in batches."""

import logging
from collections.abc import Iterator

from ministack.core.responses import request_scope

from abtest.sandbox import clients
from abtest.sandbox.sagemaker import background, state
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.metrics")

NAMESPACE = "AWS/SageMaker"
FLUSH_SECONDS = 1.0
UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}  # the others are counts without a unit

MOST_VALUES = 150  # of one metric datum
MOST_DATA = 500  # of one request; CloudWatch takes 1,000

# What is not written yet is part of the state, so that a stop loses nothing.
TABLE = "pending_metrics"


def record(endpoint_name: str, variant_name: str, values: dict[str, float]) -> None:
    """Counts one invocation of a variant: a value for each metric name."""
    with state.lock:
        for metric, value in values.items():
            _add(f"{endpoint_name}/{variant_name}/{metric}", str(float(value)), 1)


def _add(key: str, value: str, count: int) -> None:
    counts = state.table(TABLE).setdefault(key, {})
    counts[value] = counts.get(value, 0) + count


def flush() -> None:
    """Writes the metrics counted in every account and region; what cannot be written is kept."""
    for account, region in state.scopes(TABLE):
        with request_scope(account, region):
            _flush_scope(region)


def _flush_scope(region: str) -> None:
    with state.lock:
        pending = dict(state.table(TABLE).items())
        for key in pending:
            del state.table(TABLE)[key]
    try:
        for batch in _batches(list(_data(pending))):
            clients.client("cloudwatch", region).put_metric_data(Namespace=NAMESPACE, MetricData=batch)
            for datum in batch:
                _forget(pending, datum)
    finally:
        with state.lock:
            for key, counts in pending.items():
                for value, count in counts.items():
                    _add(key, value, count)


def _data(pending: dict[str, dict[str, int]]) -> Iterator[Json]:
    for key, counts in pending.items():
        endpoint_name, variant_name, metric = key.split("/")
        values = list(counts)
        for start in range(0, len(values), MOST_VALUES):
            chosen = values[start : start + MOST_VALUES]
            yield {
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint_name},
                    {"Name": "VariantName", "Value": variant_name},
                ],
                "Values": [float(value) for value in chosen],
                "Counts": [float(counts[value]) for value in chosen],
                "Unit": UNITS.get(metric, "None"),
            }


def _batches(data: list[Json]) -> Iterator[list[Json]]:
    for start in range(0, len(data), MOST_DATA):
        yield data[start : start + MOST_DATA]


def _forget(pending: dict[str, dict[str, int]], datum: Json) -> None:
    """Takes what was written out of what is put back."""
    key = "/".join([*(d["Value"] for d in datum["Dimensions"]), datum["MetricName"]])
    for value in datum["Values"]:
        del pending[key][str(value)]


def pump() -> None:
    """Writes metrics every second until the sandbox stops, and once more then; runs in a thread of its own."""
    while not background.stopping.wait(FLUSH_SECONDS):
        _flush_or_log()
    _flush_or_log()


def _flush_or_log() -> None:
    try:
        flush()
    except Exception:
        logger.exception("metrics are kept and written later")
