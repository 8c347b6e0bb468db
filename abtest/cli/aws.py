"""What AWS refuses, as a user's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from abtest.cli.errors import UserError


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turns what boto3 raises into a UserError."""
    try:
        yield
    except ClientError as error:
        raise UserError(str(error)) from None
    except BotoCoreError as error:
        raise UserError(
            f"{error} Is the sandbox up (abtest sandbox up), or are AWS credentials and region set?"
        ) from None
