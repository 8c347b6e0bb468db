import pytest

from abtest.sandbox import settings
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.pipelines.retries import LONGEST_WAIT_SECONDS, Failure, delay, ended, refused

POLICY = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 10, "BackoffRate": 2.0, "MaxAttempts": 3}
THROTTLED = Failure("slow down", "Step.THROTTLING")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceError("ResourceLimitExceeded", "x"), "SageMaker.RESOURCE_LIMIT"),
        (ServiceError("ThrottlingException", "x"), "Step.THROTTLING"),
        (ServiceError("InternalFailure", "x", 500), "Step.SERVICE_FAULT"),
        (ServiceError("ValidationException", "x"), None),
    ],
)
def test_what_a_refusal_is(error: ServiceError, kind: str | None) -> None:
    assert refused("CreateModel", error).kind == kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("InternalServerError: x", "SageMaker.JOB_INTERNAL_ERROR"),
        ("CapacityError: x", "SageMaker.CAPACITY_ERROR"),
        ("AlgorithmError: x", None),
    ],
)
def test_what_a_failed_job_is(reason: str, kind: str | None) -> None:
    assert ended(reason) == Failure(f"ClientError: {reason}", kind)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 10), (2, 20), (3, 40)])
def test_the_wait_grows_and_is_scaled_like_every_wait_of_the_sandbox(attempts: int, seconds: float) -> None:
    assert delay([POLICY], THROTTLED, attempts, 0) == pytest.approx(seconds * settings.current().wait_scale)


def test_there_is_an_end() -> None:
    assert delay([POLICY], THROTTLED, 4, 0) is None
    assert delay([POLICY], Failure("x"), 1, 0) is None
    assert delay([], THROTTLED, 1, 0) is None
    expiring = {"ExceptionType": ["Step.THROTTLING"], "ExpireAfterMin": 1}
    assert delay([expiring], THROTTLED, 1, 59) is not None
    assert delay([expiring], THROTTLED, 1, 61) is None
    assert delay([expiring], THROTTLED, 21, 1) is None
    assert delay([POLICY | {"MaxAttempts": None, "BackoffRate": None}], THROTTLED, 1, 0) is not None
    assert delay([POLICY | {"IntervalSeconds": 10**6}], THROTTLED, 1, 0) == LONGEST_WAIT_SECONDS
