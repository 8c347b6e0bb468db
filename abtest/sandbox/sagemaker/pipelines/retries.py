"""Reads a step's RetryPolicies: which failures are tried again, and when."""

from dataclasses import dataclass

from abtest.sandbox import settings
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.wire import Json

# AWS waits as long as the policy says; the sandbox scales that like every wait, and caps it.
LONGEST_WAIT_SECONDS = 30.0
MOST_ATTEMPTS = 20

_BY_CODE = {"ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT", "ThrottlingException": "Step.THROTTLING"}
_BY_REASON = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}


@dataclass(frozen=True)
class Failure:
    """The failure of an attempt; `kind` is a retryable exception type of RetryPolicies, None for any other."""

    reason: str
    kind: str | None = None


def refused(operation: str, error: ServiceError) -> Failure:
    """Describes the failure of a job that could not be created."""
    kind = "Step.SERVICE_FAULT" if error.status >= 500 else _BY_CODE.get(error.code)
    return Failure(f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}", kind)


def ended(reason: str) -> Failure:
    """Describes the failure of a job that was created, with its FailureReason."""
    kind = next((kind for prefix, kind in _BY_REASON.items() if reason.startswith(prefix)), None)
    return Failure(f"ClientError: {reason}", kind)


def delay(policies: list[Json], failure: Failure, attempts: int, elapsed_seconds: float) -> float | None:
    """Returns seconds until the next attempt after `attempts` failed ones, None if there is none."""
    found = next((p for p in policies if failure.kind in (p.get("ExceptionType") or [])), None)
    if found is None:
        return None
    policy = {name: value for name, value in found.items() if value is not None}
    most = min(policy.get("MaxAttempts", MOST_ATTEMPTS), MOST_ATTEMPTS)
    expired = "ExpireAfterMin" in policy and elapsed_seconds > policy["ExpireAfterMin"] * 60
    if attempts > most or expired:
        return None
    wait = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** (attempts - 1)
    return float(min(wait * settings.current().wait_scale, LONGEST_WAIT_SECONDS))
