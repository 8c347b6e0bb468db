"""POST /stats: what the last rebalance counted."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from abtest.experiment.record import times
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.function_environments import StatsEnvironment
from abtest.experiment.record.variants import Variant, VariantCounts
from abtest.handlers.api import Request, allow, answer, experiment_on, parsed, resolver
from abtest.handlers.environment import read

app = resolver()


@app.post("/stats")
def stats() -> Response[str]:
    environment = read(StatsEnvironment)
    request = parsed(app, Request)
    allow(request.endpoint_name, environment.endpoint_prefix)
    experiment = experiment_on(request.endpoint_name, environment.experiments_table_name)
    return answer(HTTPStatus.OK, document_of(experiment))


def document_of(experiment: Experiment) -> dict[str, Any]:
    """The answer; `counted_until` is null, and all counts are 0, before the first rebalance."""
    return {
        "endpoint_name": experiment.endpoint_name,
        "variant_metrics": [metrics_of(experiment, variant) for variant in experiment.variants],
        "strategy": experiment.strategy,
        "epsilon": experiment.epsilon,
        "warmup": experiment.warmup,
        "counted_until": experiment.counted_until and times.to_text(experiment.counted_until),
        "experiment_id": experiment.experiment_id,
        "status": experiment.status,
        "leader": experiment.leader,
    }


def metrics_of(experiment: Experiment, variant: Variant) -> dict[str, Any]:
    counts = (experiment.counts or {}).get(variant.variant_name, VariantCounts())
    return {
        "endpoint_name": experiment.endpoint_name,
        "variant_name": variant.variant_name,
        "initial_variant_weight": variant.initial_weight,
        "traffic_share": experiment.shares[variant.variant_name],
        "model_package_arn": variant.model_package_arn,
        **counts.to_json(),
    }


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
