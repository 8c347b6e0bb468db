"""Named exceptions to HTTP statuses: every refusal of the API is `{"error": {"code", "message"}}`.

Exception
├── ApiError
│   ├── BadRequestError       400
│   ├── ForbiddenError        403
│   ├── NotFoundError         404
│   ├── TooLargeError         413
│   └── UnavailableError      503
└── EndpointError
    ├── RefusedError          502
    ├── ThrottledError        429
    └── ModelFailedError      502
"""

from http import HTTPStatus

from abtest.adapters.endpoint import ModelFailedError, RefusedError, ThrottledError


class ApiError(Exception):
    """A refusal; the message is for the client."""


class BadRequestError(ApiError):
    """The body is not JSON, or a field is missing or wrong."""


class ForbiddenError(ApiError):
    """The endpoint is not one of those that this API serves."""


class NotFoundError(ApiError):
    """There is no such route, experiment, or assignment."""


class TooLargeError(ApiError):
    """The body is larger than a Lambda function can be sent."""


class UnavailableError(ApiError):
    """A service that we depend on does not answer; the client may try again."""


STATUSES: dict[type[Exception], tuple[HTTPStatus, str]] = {
    BadRequestError: (HTTPStatus.BAD_REQUEST, "BadRequest"),
    ForbiddenError: (HTTPStatus.FORBIDDEN, "Forbidden"),
    NotFoundError: (HTTPStatus.NOT_FOUND, "NotFound"),
    TooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLarge"),
    ThrottledError: (HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests"),
    RefusedError: (HTTPStatus.BAD_GATEWAY, "EndpointRefused"),
    ModelFailedError: (HTTPStatus.BAD_GATEWAY, "ModelError"),
    UnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable"),
}


def status_of(error: Exception) -> tuple[HTTPStatus, str]:
    """The HTTP status and the code for `error`; 500 for what the table does not name, which is a fault of ours."""
    return STATUSES.get(type(error), (HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"))
