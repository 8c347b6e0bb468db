from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Sandbox
from tests.sandbox.sagemaker.jobs.requests import BUCKET, put_training_data


@pytest.fixture(scope="session")
def s3(sandbox: Sandbox) -> Any:
    """The sandbox's S3 with the bucket of these tests, and data to train on in it."""
    client = sandbox.client("s3")
    client.create_bucket(Bucket=BUCKET)
    put_training_data(client)
    return client


@pytest.fixture(scope="session")
def sagemaker(sandbox: Sandbox, s3: Any) -> Any:
    return sandbox.client("sagemaker")


@pytest.fixture
def log(sandbox: Sandbox) -> Callable[[str, str], str]:
    """The log that stays in the data folder: log("training", name); empty before the job has one."""

    def text(kind: str, name: str) -> str:
        path = sandbox.data_dir / "jobs" / kind / name / "log.txt"
        return path.read_text() if path.exists() else ""

    return text


@pytest.fixture
def error() -> Callable[..., tuple[str, str]]:
    """The code and the message that a call is refused with."""

    def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]

    return refused
