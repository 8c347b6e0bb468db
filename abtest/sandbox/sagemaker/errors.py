"""Names errors as AWS does on the wire; anything else that an operation raises is our own bug."""


class ServiceError(Exception):
    """An error response: `code` is AWS's error name, `message` its text, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ServiceError:
    """Makes the error of most refused requests; SageMaker does not model it, so boto3 raises a plain ClientError."""
    return ServiceError("ValidationException", message)


def not_found(message: str) -> ServiceError:
    """Makes the error of operations that model `ResourceNotFound`; the others answer `ValidationException`."""
    return ServiceError("ResourceNotFound", message)


def in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUse", message)
