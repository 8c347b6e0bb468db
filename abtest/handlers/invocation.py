"""POST /invocation: a prediction from the user's variant."""

import dataclasses
import datetime
import functools
import uuid
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from abtest.adapters import endpoint
from abtest.adapters.assignments_table import Assignment
from abtest.adapters.endpoint import Prediction, RefusedError
from abtest.experiment.record.assignment import draw
from abtest.experiment.record.events import FALLBACK, MANUAL, Invocation
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.function_environments import ApiEnvironment
from abtest.handlers.api import (
    OUTAGES,
    Answer,
    EndpointName,
    InferenceId,
    Request,
    Strategy,
    UserId,
    VariantThatAnswered,
    allow,
    answer,
    assignments,
    experiment_on,
    logger,
    parsed,
    resolver,
    stream,
)
from abtest.handlers.environment import read
from abtest.handlers.errors import BadRequestError, UnavailableError

UNKNOWN_EXPERIMENT = "unknown"  # in events of Fallback traffic, where the experiments table did not answer

app = resolver()


class InvocationRequest(Request):
    """`user_id` and `inference_id` are made up if you send none; the answer has them."""

    data: Annotated[str, Field(description="What the model is asked; passed on as it is.")]
    content_type: Annotated[str, Field(pattern=r"^[ -~]{1,1024}$", description="The media type of `data`.")] = (
        "application/json"
    )
    user_id: UserId | None = None
    inference_id: InferenceId | None = None
    endpoint_variant: (
        Annotated[str, Field(min_length=1, max_length=63, description="Asks this variant and assigns none: `Manual`.")]
        | None
    ) = None


class InvocationAnswer(Answer):
    strategy: Strategy
    endpoint_name: EndpointName
    target_variant: Annotated[str | None, Field(description="The variant that was asked; null: SageMaker chose.")]
    endpoint_variant: VariantThatAnswered
    inference_id: InferenceId
    user_id: UserId
    predictions: Annotated[Any, Field(description="What the model answered: parsed if it is JSON, else text.")]


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where one invocation goes, and why; None where nothing was drawn."""

    experiment_id: str
    strategy: str
    status: HTTPStatus
    target_variant: str | None = None
    decision_id: str | None = None
    propensity: float | None = None


@app.post(
    "/invocation",
    responses={
        200: {"description": "The user's variant answered, which the user has had before."},
        201: {"description": "The user was assigned a variant by this request, and it answered."},
        202: {"description": "Nobody drew the variant: you named it (`Manual`) or it could not be asked (`Fallback`)."},
    },
)
def invoke() -> Response[str]:
    """Asks the user's variant for a prediction, and assigns the user a variant first if there is none yet."""
    request = parsed(app, InvocationRequest)
    allow(request.endpoint_name, read(ApiEnvironment).endpoint_prefix)
    now = datetime.datetime.now(datetime.UTC)
    user_id, inference_id = request.user_id or str(uuid.uuid4()), request.inference_id or str(uuid.uuid4())
    placement = placed(request, user_id, inference_id, now)
    placement, prediction = predicted(request, placement, inference_id)
    invocation = remembered(
        Invocation(
            timestamp=now,
            experiment_id=placement.experiment_id,
            endpoint_name=request.endpoint_name,
            endpoint_variant=prediction.endpoint_variant,
            target_variant=placement.target_variant,
            strategy=placement.strategy,
            inference_id=inference_id,
            user_id=user_id,
            decision_id=placement.decision_id,
            propensity=placement.propensity,
        )
    )
    stream().put(invocation)
    return answer(
        placement.status,
        InvocationAnswer(
            strategy=invocation.strategy,
            endpoint_name=invocation.endpoint_name,
            target_variant=invocation.target_variant,
            endpoint_variant=invocation.endpoint_variant,
            inference_id=invocation.inference_id,
            user_id=invocation.user_id,
            predictions=prediction.predictions,
        ),
    )


def placed(request: InvocationRequest, user_id: str, inference_id: str, now: datetime.datetime) -> Placement:
    """By the override if there is one, else by the user's assignment; by SageMaker's split if DynamoDB fails."""
    try:
        experiment = experiment_on(request.endpoint_name, read(ApiEnvironment).experiments_table_name)
    except UnavailableError:
        logger.exception("The experiments table does not answer: served without an experiment")
        strategy = MANUAL if request.endpoint_variant else FALLBACK
        return Placement(UNKNOWN_EXPERIMENT, strategy, HTTPStatus.ACCEPTED, request.endpoint_variant)
    if request.endpoint_variant:
        return by_hand(experiment, request.endpoint_variant)
    try:
        return assigned(experiment, user_id, inference_id, now)
    except OUTAGES:
        logger.exception("The assignments table does not answer: served without an assignment")
        return Placement(experiment.experiment_id, FALLBACK, HTTPStatus.ACCEPTED)


def by_hand(experiment: Experiment, variant_name: str) -> Placement:
    if variant_name not in experiment.variant_names:
        raise BadRequestError(f"endpoint_variant: must be one of {', '.join(experiment.variant_names)}.")
    if variant_name in experiment.out:
        return by_the_champion(experiment)
    return Placement(experiment.experiment_id, MANUAL, HTTPStatus.ACCEPTED, variant_name)


def by_the_champion(experiment: Experiment) -> Placement:
    """For whom the variant has left or is out: uncounted, until it is back."""
    return Placement(experiment.experiment_id, FALLBACK, HTTPStatus.ACCEPTED, experiment.variant_names[0])


def assigned(experiment: Experiment, user_id: str, inference_id: str, now: datetime.datetime) -> Placement:
    variant_name = draw(experiment.experiment_id, user_id, experiment.shares)
    drawn = Assignment(variant_name, experiment.decision_id, experiment.shares[variant_name], is_new=True)
    agreed = assignments().assign(
        experiment.experiment_id, user_id, drawn, inference_id=inference_id, now=int(now.timestamp())
    )
    if agreed.variant_name not in experiment.variant_names or agreed.variant_name in experiment.out:
        return by_the_champion(experiment)
    return Placement(
        experiment.experiment_id,
        experiment.settings.strategy,
        HTTPStatus.CREATED if agreed.is_new else HTTPStatus.OK,
        agreed.variant_name,
        agreed.decision_id,
        agreed.propensity,
    )


def predicted(request: InvocationRequest, placement: Placement, inference_id: str) -> tuple[Placement, Prediction]:
    """The prediction, and where it came from in the end: a variant that just left the endpoint is no reason to fail."""
    ask = functools.partial(
        endpoint.invoke,
        request.endpoint_name,
        request.data,
        content_type=request.content_type,
        inference_id=inference_id,
    )
    try:
        return placement, ask(target_variant=placement.target_variant)
    except RefusedError:
        if placement.target_variant is None or request.endpoint_variant:
            raise
        logger.exception("The endpoint refused the target variant: served by its own split")
        return Placement(placement.experiment_id, FALLBACK, HTTPStatus.ACCEPTED), ask()


def remembered(invocation: Invocation) -> Invocation:
    """The invocation as first made, if this is a retry; kept for its conversion, if DynamoDB answers."""
    if invocation.experiment_id == UNKNOWN_EXPERIMENT:
        return invocation
    try:
        return assignments().remember(invocation, now=int(invocation.timestamp.timestamp()))
    except OUTAGES:
        logger.exception("The assignments table does not answer: a conversion cannot name this invocation")
        return invocation


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
