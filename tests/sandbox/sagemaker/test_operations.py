import asyncio
import json

import pytest

from abtest.sandbox.sagemaker import operations, service
from abtest.sandbox.sagemaker.errors import ServiceError
from tests.sandbox.sagemaker.conftest import Local


def ask(target: str, body: bytes) -> tuple[int, dict[str, str]]:
    headers = {"x-amz-target": target}
    status, _, answer = asyncio.run(service.handle_request("POST", "/", headers, body, {}))
    return status, json.loads(answer)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("SageMaker.CreateDomain", "The sandbox does not implement SageMaker's CreateDomain."),
        ("SageMaker.Nothing", "The requested operation Nothing does not exist."),
    ],
)
def test_an_operation_that_is_not_there_is_named(local: Local, target: str, said: str) -> None:
    status, answer = ask(target, b"{}")
    assert (status, answer) == (400, {"__type": "UnknownOperationException", "message": said})


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(local: Local, body: bytes) -> None:
    status, answer = ask("SageMaker.ListModels", body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_a_fault_of_ours_is_an_internal_failure(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(operations.OPERATIONS, "ListModels", lambda _: 1 // 0)
    status, answer = ask("SageMaker.ListModels", b"{}")
    assert (status, answer["__type"]) == (500, "InternalFailure")


def test_an_operation_can_call_another(local: Local) -> None:
    operations.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"})
    with pytest.raises(ServiceError, match="already exists"):
        operations.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"})


def test_only_operations_of_sagemaker_are_registered() -> None:
    with pytest.raises(AssertionError, match="no operation CreateEverything"):
        operations.operation("CreateEverything")(dict)
