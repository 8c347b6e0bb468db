"""POST /stats: what the last rebalance counted."""

import dataclasses
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from abtest.experiment.record import times
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.function_environments import StatsEnvironment
from abtest.experiment.record.variants import Variant, VariantCounts
from abtest.handlers.api import Answer, EndpointName, Request, allow, answer, experiment_on, parsed, resolver
from abtest.handlers.environment import read

app = resolver()


class VariantMetrics(Answer):
    """Only randomised traffic counts; an invocation is pending while its attribution window is open."""

    endpoint_name: EndpointName
    variant_name: str
    initial_variant_weight: Annotated[float, Field(description="Relative to the other variants'.")]
    traffic_share: Annotated[float, Field(description="The share of new users that the API assigns to it, 0 to 1.")]
    model_package_arn: Annotated[str, Field(description="The model package that it serves.")]
    invocation_count: Annotated[int, Field(description="Invocations that are no longer pending.")]
    conversion_count: Annotated[int, Field(description="Those of them that were converted.")]
    reward_sum: Annotated[float, Field(description="The rewards of those conversions.")]
    pending_invocation_count: Annotated[int, Field(description="Invocations that are pending.")]
    pending_conversion_count: Annotated[int, Field(description="Those of them that were converted already.")]
    pending_reward_sum: Annotated[float, Field(description="The rewards of those conversions.")]
    user_count: Annotated[int, Field(description="Users whose outcome is known: by these variants are compared.")]
    user_mean_sum: Annotated[
        float, Field(description="The sum of these users' outcomes, each the mean of its rewards.")
    ]


class StatsAnswer(Answer):
    endpoint_name: EndpointName
    variant_metrics: Annotated[list[VariantMetrics], Field(description="The champion's first.")]
    strategy: Annotated[str, Field(description="How counts become traffic shares.")]
    epsilon: Annotated[float, Field(description="EpsilonGreedy's share of exploring traffic.")]
    warmup: Annotated[int, Field(description="Invocations per variant before shares move.")]
    counted_until: Annotated[
        str | None, Field(description="Up to when events are counted (UTC, ISO 8601); null: nothing is yet.")
    ]
    experiment_id: str
    status: Annotated[str, Field(description="`running`, `decided`, `equivalent` or `stopped`.")]
    leader: Annotated[str | None, Field(description="The variant that is ahead; null: none is yet.")]


@app.post("/stats", responses={200: {"description": "The counts of the last rebalance; all 0 before the first."}})
def stats() -> Response[str]:
    """Says what the last rebalance counted for each variant of the endpoint's experiment, and who is ahead."""
    environment = read(StatsEnvironment)
    request = parsed(app, Request)
    allow(request.endpoint_name, environment.endpoint_prefix)
    experiment = experiment_on(request.endpoint_name, environment.experiments_table_name)
    return answer(
        HTTPStatus.OK,
        StatsAnswer(
            endpoint_name=experiment.endpoint_name,
            variant_metrics=[metrics_of(experiment, variant) for variant in experiment.variants],
            strategy=experiment.settings.strategy,
            epsilon=experiment.settings.epsilon,
            warmup=experiment.settings.warmup,
            counted_until=times.to_text(experiment.counted_until) if experiment.counted_until else None,
            experiment_id=experiment.experiment_id,
            status=experiment.status,
            leader=experiment.leader,
        ),
    )


def metrics_of(experiment: Experiment, variant: Variant) -> VariantMetrics:
    counts = (experiment.counts or {}).get(variant.variant_name, VariantCounts())
    return VariantMetrics(
        endpoint_name=experiment.endpoint_name,
        variant_name=variant.variant_name,
        initial_variant_weight=variant.initial_weight,
        traffic_share=experiment.shares[variant.variant_name],
        model_package_arn=variant.model_package_arn,
        **dataclasses.asdict(counts),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
