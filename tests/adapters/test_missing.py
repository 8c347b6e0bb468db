from typing import Any

import pytest
from botocore.exceptions import ClientError

from abtest.adapters.missing import deleted, described


def refusing(code: str, message: str) -> Any:
    def call(**_name: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "Any")

    return call


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFound", "Pipeline 'a' does not exist."),
        ("ValidationException", 'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/a".'),
        (
            "ValidationException",
            "ModelPackage arn:aws:sagemaker:us-east-1:1:model-package/a/1 does not exist.",
        ),
    ],
)
def test_what_is_not_there_is_no_error(code: str, message: str) -> None:
    assert described(refusing(code, message), Name="a") is None
    assert deleted(refusing(code, message), Name="a") is False


def test_any_other_refusal_is_one() -> None:
    refused = refusing("ValidationException", "Cannot delete a while it is Updating.")
    for call in (described, deleted):
        with pytest.raises(ClientError, match="Updating"):
            call(refused, Name="a")
