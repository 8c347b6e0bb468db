"""Registers operations, and is the one way to call them: from the wire, or from another operation."""

import json
import logging
from collections.abc import Callable
from typing import TypeVar

from abtest.sandbox.sagemaker import state, wire
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.operations")

Operation = Callable[[Json], Json]
F = TypeVar("F", bound=Operation)

OPERATIONS: dict[str, Operation] = {}


def operation(name: str) -> Callable[[F], F]:
    """Registers a function (request -> response, both as in boto3) as the SageMaker operation `name`.

    It is called with a validated request, in a worker thread, holding `state.lock`; it raises ServiceError.
    """

    def register(function: F) -> F:
        assert name in wire.service_model().operation_names, f"SageMaker has no operation {name}"
        OPERATIONS[name] = function
        return function

    return register


def call(name: str, request: Json) -> Json:
    """Runs an operation in the current account and region: validated, locked, shaped. Raises ServiceError."""
    wire.operation_model(name)
    if name not in OPERATIONS:
        raise ServiceError("UnknownOperationException", f"The sandbox does not implement SageMaker's {name}.")
    wire.validate_request(name, request)
    with state.lock:
        return wire.shape_response(name, OPERATIONS[name](request))


def answer(name: str, body: bytes) -> tuple[int, bytes]:
    """Returns HTTP status and JSON body for a request to the operation `name`."""
    try:
        return 200, json.dumps(call(name, _parsed(body))).encode()
    except ServiceError as error:
        refusal = error
    except Exception as error:
        logger.exception("%s failed", name)
        refusal = ServiceError("InternalFailure", f"{name} failed in the sandbox: {error!r}", 500)
    return refusal.status, json.dumps({"__type": refusal.code, "message": refusal.message}).encode()


def _parsed(body: bytes) -> Json:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "The request is not a JSON object.")
    return request
