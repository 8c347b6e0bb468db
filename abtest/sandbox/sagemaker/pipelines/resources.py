"""A step creates one resource (job, model, model package): its name, its creation, what became of it."""

import contextlib
import hashlib
import time

from abtest.sandbox.sagemaker import operations
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.pipelines import records, retries, step_types
from abtest.sandbox.sagemaker.pipelines.definition import Step
from abtest.sandbox.sagemaker.wire import Json

MOST_TRIALS = 50  # of a Tuning step, that other steps may refer to, as on AWS


def resource_name(execution_id: str, step: str, attempt: int, length: int) -> str:
    """Names a resource `pipelines-<execution>-<step>-<suffix>`, cut to `length`; an attempt keeps its name."""
    suffix = hashlib.sha256(f"{execution_id}/{step}/{attempt}".encode()).hexdigest()[:10]
    start = execution_id if length < 63 else f"pipelines-{execution_id}"
    room = length - len(start) - len(suffix) - 2
    middle = step.replace("_", "-")[:room].strip("-")
    return "-".join(part for part in (start, middle, suffix) if part)


class Run:
    """A step's resource from the first attempt to the end: `status` is then Succeeded, Failed or Stopped.

    `properties` is the Describe response of a resource that succeeded; `entry` is the step's listed record.
    """

    def __init__(self, execution_id: str, step: Step, request: Json, entry: Json) -> None:
        self.step = step
        self.entry = entry
        self.properties: Json = {}
        self.status: str | None = None
        self.reason: str | None = None
        self._kind = step_types.RESOURCES[step.kind]
        self._execution_id = execution_id
        self._request = request
        self._identifier = ""
        self._attempts = 0
        self._began = time.monotonic()
        self._next_attempt_at: float | None = self._began
        self._stopping = False

    def advance(self) -> None:
        """Makes the attempt that is due, or looks at the one that is under way."""
        if self._next_attempt_at is None:
            self._look()
        elif time.monotonic() >= self._next_attempt_at:
            self._attempt()

    def stop(self) -> None:
        """Asks the job to stop; one that waits for its next attempt has stopped."""
        if self._stopping:
            return
        self._stopping = True
        if self._next_attempt_at is not None:
            self.status = records.STOPPED
        elif self._kind.stop:
            records.change_step(self.entry, StepStatus=records.STOPPING)
            with contextlib.suppress(ServiceError):  # it has just ended: the next look tells how
                operations.call(self._kind.stop, {self._kind.identifier: self._identifier})

    def _attempt(self) -> None:
        self._attempts += 1
        self._next_attempt_at = None
        records.change_step(self.entry, AttemptCount=self._attempts)
        try:
            arn = self._create()
        except ServiceError as error:
            self._failed(retries.refused(self._kind.create, error))
            return
        records.change_step(self.entry, StepStatus=records.EXECUTING, Metadata={self._kind.metadata: {"Arn": arn}})
        if not self._kind.status:
            self._look()

    def _create(self) -> str:
        request = dict(self._request)
        if self._kind.name_length:
            request[self._kind.identifier] = self._name(self._kind.name_length)
        if self.step.kind == "RegisterModel":
            _ensure_group(request)
        arn: str = operations.call(self._kind.create, request)[self._kind.arn]
        self._identifier = request.get(self._kind.identifier, arn)
        return arn

    def _name(self, length: int) -> str:
        return resource_name(self._execution_id, self.step.name, self._attempts, length)

    def _look(self) -> None:
        described = operations.call(self._kind.describe, {self._kind.identifier: self._identifier})
        status = described[self._kind.status] if self._kind.status else "Completed"
        if status == "Completed":
            self.properties = described | self._trials(described)
            self.status = records.SUCCEEDED
        elif status == "Failed":
            self._failed(retries.ended(described.get("FailureReason", "The job failed.")))
        elif status == "Stopped":
            self.status = records.STOPPED if self._stopping else records.FAILED
            self.reason = None if self._stopping else "ClientError: The job was stopped."

    def _failed(self, failure: retries.Failure) -> None:
        elapsed = time.monotonic() - self._began
        wait = retries.delay(self.step.retry_policies, failure, self._attempts, elapsed)
        if wait is None or self._stopping:
            self.status, self.reason = records.FAILED, failure.reason
        else:
            self._next_attempt_at = time.monotonic() + wait

    def _trials(self, described: Json) -> Json:
        """Returns a tuning job's training jobs, best first."""
        if self.step.kind != "Tuning":
            return {}
        objective = described["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective", {})
        request = {
            self._kind.identifier: self._identifier,
            "SortBy": "FinalObjectiveMetricValue",
            "SortOrder": "Ascending" if objective.get("Type") == "Minimize" else "Descending",
            "MaxResults": MOST_TRIALS,
        }
        return {step_types.TUNING_TRIALS: operations.call(step_types.LIST_TRIALS, request)[step_types.TUNING_TRIALS]}


def _ensure_group(request: Json) -> None:
    """Creates the model package group of a RegisterModel step where there is none, as Pipelines does."""
    group = {"ModelPackageGroupName": request.get("ModelPackageGroupName")}
    if not group["ModelPackageGroupName"]:
        return
    try:
        operations.call("DescribeModelPackageGroup", group)
    except ServiceError:
        operations.call("CreateModelPackageGroup", group)
