"""What AWS refuses becomes a UserError."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from abtest.cli.shown.output import UserError

UNREACHABLE = "Start the sandbox (abtest sandbox up), or check your connection to AWS."
UNSET = 'For the sandbox: eval "$(abtest sandbox env)". For an account: set AWS credentials and region.'


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turns what boto3 raises into a UserError."""
    try:
        yield
    except ClientError as error:
        raise UserError(str(error)) from None
    except exceptions.ParamValidationError as error:
        raise UserError(one_line(error)) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise UserError(f"{one_line(error)} {UNREACHABLE}") from None
    except BotoCoreError as error:
        raise UserError(f"{one_line(error)} {UNSET}") from None


def one_line(error: BotoCoreError) -> str:
    return f"{' '.join(str(error).split()).rstrip('.')}."
