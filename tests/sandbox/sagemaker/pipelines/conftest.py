"""Pipelines in the test's own process, with jobs that run until the test ends them."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from abtest.sandbox.sagemaker import operations, service, state
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.pipelines import catalogue, executor, step_types, values
from tests.conftest import wait_for
from tests.sandbox.sagemaker.conftest import Local
from tests.sandbox.sagemaker.pipelines.definitions import ROLE, text

Json = dict[str, Any]
DONE = ("Succeeded", "Failed", "Stopped")


class Jobs:
    """Stands for the job operations. A job is known by the step in its name, and by the number of its attempt."""

    def __init__(self, patch: Callable[[str, Callable[[Json], Json]], None]) -> None:
        self.requests: list[tuple[str, Json]] = []
        self.automatic = False
        self.refusals: list[ServiceError] = []
        self._jobs: dict[str, Json] = {}
        for kind in step_types.RESOURCES.values():
            if kind.stop and kind.status:
                patch(kind.create, partial(self._create, kind))
                patch(kind.describe, partial(self._describe, kind))
                patch(kind.stop, partial(self._stop, kind))
        patch(step_types.LIST_TRIALS, self._trials)

    def _create(self, kind: step_types.StepType, request: Json) -> Json:
        if self.refusals:
            raise self.refusals.pop(0)
        name = request[kind.identifier]
        self.requests.append((name.split("-")[-2], request))
        arn = state.arn(kind.arn, name)
        status = "Completed" if self.automatic else "InProgress"
        self._jobs[name] = request | {kind.arn: arn, str(kind.status): status, "_status": kind.status}
        return {kind.arn: arn}

    def _describe(self, kind: step_types.StepType, request: Json) -> Json:
        return self._jobs[request[kind.identifier]]

    def _stop(self, kind: step_types.StepType, request: Json) -> Json:
        self._jobs[request[kind.identifier]][str(kind.status)] = "Stopped"
        return {}

    def _trials(self, request: Json) -> Json:
        ascending = request["SortOrder"] == "Ascending"
        names = ["worst", "best"] if ascending else ["best", "worst"]
        return {"TrainingJobSummaries": [{"TrainingJobName": name} for name in names]}

    @property
    def started(self) -> list[str]:
        return [step for step, _ in self.requests]

    def request(self, step: str) -> Json:
        """Of the latest job of this step; waits until there is one."""
        wait_for(lambda: step in self.started)
        return next(request for name, request in reversed(self.requests) if name == step)

    def end(self, step: str, status: str = "Completed", **members: Any) -> None:
        name = next(n for key, n in self.request(step).items() if key.endswith("JobName"))
        self._jobs[name].update({self._jobs[name]["_status"]: status, **members})


class Pipelines:
    """Creates, starts and watches pipelines."""

    def __init__(self, client: Any, jobs: Jobs) -> None:
        self.client = client
        self.jobs = jobs

    def create(self, *steps: Json, parameters: list[Json] | None = None, name: str = "reviews", **more: Any) -> str:
        definition = text(*steps, parameters=parameters)
        response = self.client.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE, **more)
        return str(response["PipelineArn"])

    def start(self, name: str = "reviews", **members: Any) -> str:
        return str(self.client.start_pipeline_execution(PipelineName=name, **members)["PipelineExecutionArn"])

    def run(self, *steps: Json, parameters: list[Json] | None = None, **members: Any) -> str:
        """Creates and starts; the jobs end when the test says so."""
        self.create(*steps, parameters=parameters)
        return self.start(**members)

    def finished(self, arn: str) -> Json:
        described: Json = wait_for(lambda: self._if_done(arn))
        return described

    def _if_done(self, arn: str) -> Json | None:
        described: Json = self.client.describe_pipeline_execution(PipelineExecutionArn=arn)
        return described if described["PipelineExecutionStatus"] in DONE else None

    def steps(self, arn: str) -> dict[str, Json]:
        """Listed steps by name, in the order in which they started."""
        listed = self.client.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}

    def statuses(self, arn: str) -> dict[str, str]:
        return {name: step["StepStatus"] for name, step in self.steps(arn).items()}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, local: Local) -> Iterator[Jobs]:
    def patch(name: str, function: Callable[[Json], Json]) -> None:
        monkeypatch.setitem(operations.OPERATIONS, name, function)

    monkeypatch.setattr(executor, "POLL_SECONDS", 0.005)
    yield Jobs(patch)
    service.reset()  # what still runs finds itself forgotten, and ends


@pytest.fixture
def pipelines(local: Local, jobs: Jobs) -> Pipelines:
    return Pipelines(local.sagemaker, jobs)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The S3 of the executor: JSON documents by URI."""
    held: dict[str, Any] = {}

    def read(uri: str, version: str | None = None) -> bytes:
        if uri not in held:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no such key"}}, "GetObject")
        return held[uri] if isinstance(held[uri], bytes) else json.dumps(held[uri]).encode()

    monkeypatch.setattr(values, "read_object", read)
    monkeypatch.setattr(catalogue, "read_object", read)
    return held
