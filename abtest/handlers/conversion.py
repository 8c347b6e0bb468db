"""POST /conversion: a reward for the invocation that earned it."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from abtest.experiment.record.events import Conversion
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
    parsed,
    resolver,
    stream,
)
from abtest.handlers.environment import read
from abtest.handlers.errors import NotFoundError, UnavailableError
from abtest.operations import convert as operation

app = resolver()


class ConversionRequest(Request):
    """Without `inference_id`, or with one that is unknown, the user's latest randomised invocation is rewarded."""

    user_id: UserId
    inference_id: InferenceId | None = None
    reward: Annotated[
        float, Field(ge=0, le=1, strict=True, allow_inf_nan=False, description="What the success is worth.")
    ] = 1.0


class ConversionAnswer(Answer):
    """The invocation that the reward was credited to."""

    strategy: Strategy
    endpoint_name: EndpointName
    endpoint_variant: VariantThatAnswered
    inference_id: InferenceId
    user_id: UserId
    reward: Annotated[float, Field(description="As you sent it.")]


@app.post("/conversion", responses={200: {"description": "The reward is credited to the invocation in the answer."}})
def convert() -> Response[str]:
    """Credits a reward to the invocation that you name, or else to the user's latest one; never to another variant."""
    environment = read(ApiEnvironment)
    request = parsed(app, ConversionRequest)
    allow(request.endpoint_name, environment.endpoint_prefix)
    experiment = experiment_on(request.endpoint_name, environment.experiments_table_name)
    conversion = converted(experiment.experiment_id, request)
    return answer(
        HTTPStatus.OK,
        ConversionAnswer(
            strategy=conversion.strategy,
            endpoint_name=conversion.endpoint_name,
            endpoint_variant=conversion.endpoint_variant,
            inference_id=conversion.inference_id,
            user_id=conversion.user_id,
            reward=conversion.reward,
        ),
    )


def converted(experiment_id: str, request: ConversionRequest) -> Conversion:
    """Raises NotFoundError, UnavailableError."""
    asked = (experiment_id, request.user_id, request.inference_id, request.reward)
    try:
        conversion = operation.convert(assignments(), stream(), *asked)
    except OUTAGES as error:
        raise UnavailableError("The assignments table does not answer; try again.") from error
    if conversion is None:
        raise NotFoundError(f"The user {request.user_id} has no invocation in this experiment.")
    return conversion


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
