"""What the routes share: a resolver that answers errors in one shape, and bodies parsed by their models."""

import binascii
import functools
import json
from http import HTTPStatus
from typing import Annotated, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFoundError
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from abtest.adapters.assignments_table import AssignmentsTable
from abtest.adapters.event_stream import EventStream
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.function_environments import ApiEnvironment
from abtest.handlers import environment
from abtest.handlers.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    status_of,
)

MOST_BODY_BYTES = 5 * 1024 * 1024  # of the 6 MB that one call of a Lambda function can carry

OUTAGES = (ClientError, BotoCoreError)

EndpointName = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", description="The endpoint whose variants you test.")
]
UserId = Annotated[
    str, Field(min_length=1, max_length=256, description="Your user, who keeps one variant for the whole experiment.")
]
InferenceId = Annotated[  # printable ASCII: it travels as a header
    str, Field(pattern=r"^[!-~]{1,64}$", description="Names the invocation, so that a conversion can name it too.")
]
Strategy = Annotated[
    str, Field(description="The experiment's strategy; `Manual` or `Fallback` where nobody drew the variant.")
]
VariantThatAnswered = Annotated[str | None, Field(description="The variant whose model answered.")]

logger = Logger(service="api")


class Request(BaseModel):
    """The API ignores fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    endpoint_name: EndpointName


class Answer(BaseModel):
    """The body of an answer; docs/api.md and docs/openapi.json are made from its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Answer):
    code: Annotated[str, Field(description="What kind of refusal it is, for your program.")]
    message: Annotated[str, Field(description="What is wrong and what you can do, for you.")]


class Refusal(Answer):
    """Every refusal, those of API Gateway too."""

    error: Problem


R = TypeVar("R", bound=Request)


def resolver() -> APIGatewayRestResolver:
    app = APIGatewayRestResolver()
    app.not_found(_no_route)
    app.exception_handler(Exception)(_refusal)
    return app


def _no_route(_error: RouteNotFoundError) -> Response[str]:
    return _refusal(NotFoundError("There is no such route."))


def _refusal(error: Exception) -> Response[str]:
    status, code = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("A request failed by a fault of ours", exc_info=error)
        return answer(
            status, Refusal(error=Problem(code=code, message="The request failed by a fault of the service."))
        )
    logger.info("A request was refused", status=status.value, code=code, reason=str(error))
    return answer(status, Refusal(error=Problem(code=code, message=str(error))))


def answer(status: HTTPStatus, body: Answer) -> Response[str]:
    return Response(status.value, content_type="application/json", body=json.dumps(body.model_dump()))


def parsed(app: APIGatewayRestResolver, model: type[R]) -> R:
    """The request's body as `model`. Raises TooLargeError, or BadRequestError naming the first wrong field."""
    try:
        body = app.current_event.decoded_body or ""
    except (binascii.Error, UnicodeDecodeError):
        raise BadRequestError("The body must be JSON in UTF-8.") from None
    if len(body.encode(errors="replace")) > MOST_BODY_BYTES:
        raise TooLargeError(f"The body must be at most {MOST_BODY_BYTES} bytes.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise BadRequestError(_first_problem(error)) from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "The body must be JSON."
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}." if field else "The body must be a JSON object."


def allow(endpoint_name: str, prefix: str) -> None:
    """Raises ForbiddenError unless the endpoint is one of those that this API serves."""
    if not endpoint_name.startswith(prefix):
        raise ForbiddenError(f"This API serves only endpoints whose names begin with {prefix}.")


def experiment_on(endpoint_name: str, table_name: str) -> Experiment:
    """The endpoint's current experiment. Raises NotFoundError if it has none, UnavailableError in an outage."""
    try:
        experiment = ExperimentsTable(table_name).current(endpoint_name)
    except OUTAGES as error:
        raise UnavailableError("The experiments table does not answer; try again.") from error
    if experiment is None:
        raise NotFoundError(f"There is no experiment on the endpoint {endpoint_name}.")
    return experiment


@functools.cache
def assignments() -> AssignmentsTable:
    return AssignmentsTable(environment.read(ApiEnvironment).assignments_table_name)


@functools.cache
def stream() -> EventStream:
    return EventStream(environment.read(ApiEnvironment).delivery_stream_name, assignments())
