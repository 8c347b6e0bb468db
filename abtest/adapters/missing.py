"""SageMaker's calls about what may not be there, as when somebody else has just deleted it."""

from typing import Any

from botocore.exceptions import ClientError

MESSAGES = ("Could not find", "does not exist")  # of a ValidationException, by the kind of resource


def described(describe: Any, **name: str) -> dict[str, Any] | None:
    """What the client's method `describe` answers; None if there is nothing of that name."""
    try:
        found: dict[str, Any] = describe(**name)
    except ClientError as error:
        if _is_missing(error):
            return None
        raise
    return found


def deleted(delete: Any, **name: str) -> bool:
    """Calls the client's method `delete`; False if there was nothing of that name."""
    try:
        delete(**name)
    except ClientError as error:
        if _is_missing(error):
            return False
        raise
    return True


def _is_missing(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code == "ResourceNotFound" or any(said in message for said in MESSAGES)
