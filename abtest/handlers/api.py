"""What the routes share: a resolver that answers errors in one shape, and bodies parsed by their models."""

import binascii
import functools
import json
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

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

EndpointName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
UserId = Annotated[str, Field(min_length=1, max_length=256)]
InferenceId = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]  # printable ASCII: it travels as a header

logger = Logger(service="api")


class Request(BaseModel):
    """A request's body; fields that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    endpoint_name: EndpointName


R = TypeVar("R", bound=Request)


def resolver() -> APIGatewayRestResolver:
    app = APIGatewayRestResolver()
    app.not_found(_no_route)
    app.exception_handler(Exception)(_refusal)
    return app


def _no_route(_error: RouteNotFoundError) -> Response[str]:
    return _refusal(NotFoundError("There is no such route; POST to /invocation, /conversion or /stats."))


def _refusal(error: Exception) -> Response[str]:
    status, code = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("A request failed by a fault of ours", exc_info=error)
        return answer(status, {"error": {"code": code, "message": "The request failed by a fault of the service."}})
    logger.info("A request was refused", status=status.value, code=code, reason=str(error))
    return answer(status, {"error": {"code": code, "message": str(error)}})


def answer(status: HTTPStatus, document: dict[str, Any]) -> Response[str]:
    return Response(status.value, content_type="application/json", body=json.dumps(document))


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
