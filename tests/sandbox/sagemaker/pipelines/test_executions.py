import json
import threading
from collections.abc import Callable

import pytest

from abtest.sandbox.sagemaker import background, service
from abtest.sandbox.sagemaker import pipelines as package
from tests.conftest import wait_for
from tests.sandbox.sagemaker.conftest import Local
from tests.sandbox.sagemaker.pipelines.conftest import Jobs, Pipelines
from tests.sandbox.sagemaker.pipelines.definitions import document, get, parameter, processing

Refused = Callable[..., str]

ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/reviews"
UNKNOWN = f"{ARN}/execution/abcdefghijkl"
TOKEN = "t" * 32
SEED = parameter("Seed", "Integer", 1)


@pytest.mark.operation("StartPipelineExecution")
@pytest.mark.operation("DescribePipelineExecution")
def test_an_execution_is_described_as_started(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(
        processing("A"),
        PipelineExecutionDisplayName="first",
        PipelineExecutionDescription="by hand",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 1},
    )
    prefix, _, name = arn.rpartition("/")
    assert prefix == f"{ARN}/execution"
    assert len(name) == 12 and name.isalnum() and name.islower() | name.isdigit()
    described = pipelines.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionStatus"] == "Executing"
    assert (described["PipelineArn"], described["PipelineExecutionDisplayName"]) == (ARN, "first")
    assert described["PipelineExecutionDescription"] == "by hand"
    assert described["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 1}
    jobs.end("A")
    ended = pipelines.finished(arn)
    assert ended["LastModifiedTime"] > ended["CreationTime"]
    assert "FailureReason" not in ended
    assert pipelines.client.describe_pipeline(PipelineName="reviews")["LastRunTime"] == ended["CreationTime"]


def test_the_experiment_of_the_definition_is_recorded(local: Local, pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    pipelines.create(processing("A"))
    config = {"ExperimentName": get("Execution.PipelineName"), "TrialName": "fixed"}
    definition = json.dumps(document(processing("A")) | {"PipelineExperimentConfig": config})
    local.sagemaker.update_pipeline(PipelineName="reviews", PipelineDefinition=definition)
    described = pipelines.finished(pipelines.start())
    assert described["PipelineExperimentConfig"] == {"ExperimentName": "reviews", "TrialName": "fixed"}
    assert described["PipelineExecutionDisplayName"].startswith("execution-")


def test_the_same_token_starts_one_execution(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    arn = pipelines.run(processing("A"), ClientRequestToken=TOKEN)
    assert pipelines.start(ClientRequestToken=TOKEN) == arn
    assert pipelines.start() != arn
    assert len(pipelines.client.list_pipeline_executions(PipelineName=ARN)["PipelineExecutionSummaries"]) == 2


@pytest.mark.operation("StartPipelineExecution", error="ResourceNotFound")
@pytest.mark.operation("StartPipelineExecution", error="ValidationException")
def test_a_start_with_wrong_parameters_is_refused(local: Local, pipelines: Pipelines, refused: Refused) -> None:
    start = local.sagemaker.start_pipeline_execution
    refused("ResourceNotFound", start, PipelineName="reviews")
    pipelines.create(processing("A"), parameters=[SEED])
    for name, value, message in (
        ("Sead", "1", "Unknown parameter 'Sead'. The pipeline's parameters: Seed."),
        ("Seed", "one", "Unexpected type for parameter 'Seed'. Expected Integer but found 'one'."),
    ):
        given = [{"Name": name, "Value": value}]
        assert refused("ValidationException", start, PipelineName="reviews", PipelineParameters=given) == message
    selected = {"SelectedSteps": [{"StepName": "A"}]}
    refused("ValidationException", start, PipelineName="reviews", SelectiveExecutionConfig=selected)
    assert local.sagemaker.list_pipeline_executions(PipelineName="reviews")["PipelineExecutionSummaries"] == []


@pytest.mark.operation("ListPipelineParametersForExecution")
def test_parameters_of_an_execution(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    given = [{"Name": "Seed", "Value": "7"}]
    declared = [SEED, parameter("Floor", "Float", 0.5)]
    arn = pipelines.run(processing("A"), parameters=declared, PipelineParameters=given)
    listed = pipelines.client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert listed["PipelineParameters"] == [{"Name": "Seed", "Value": "7"}, {"Name": "Floor", "Value": "0.5"}]


@pytest.mark.operation("DescribePipelineDefinitionForExecution")
def test_the_definition_of_an_execution(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    arn = pipelines.run(processing("A"))
    described = pipelines.client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert json.loads(described["PipelineDefinition"]) == document(processing("A"))


@pytest.mark.operation("ListPipelineExecutions")
def test_executions_are_listed_newest_first(pipelines: Pipelines, jobs: Jobs) -> None:
    arns = [pipelines.run(processing("A"))]
    jobs.end("A", "Failed", FailureReason="AlgorithmError: x")
    pipelines.finished(arns[0])
    jobs.automatic = True
    arns.append(pipelines.start())
    pipelines.finished(arns[1])
    listed = pipelines.client.list_pipeline_executions(PipelineName="reviews")["PipelineExecutionSummaries"]
    assert [e["PipelineExecutionArn"] for e in listed] == arns[::-1]
    assert [e["PipelineExecutionStatus"] for e in listed] == ["Succeeded", "Failed"]
    assert listed[1]["PipelineExecutionFailureReason"] == "Step failure: One or multiple steps failed."
    by_arn = {"SortBy": "PipelineExecutionArn", "SortOrder": "Ascending", "MaxResults": 1}
    page = pipelines.client.list_pipeline_executions(PipelineName="reviews", **by_arn)
    assert [e["PipelineExecutionArn"] for e in page["PipelineExecutionSummaries"]] == [min(arns)]
    assert page["NextToken"]


@pytest.mark.operation("ListPipelineExecutionSteps")
def test_steps_are_listed_latest_first(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    second = processing("B", after=["A"], DisplayName="The second", Description="after the first")
    arn = pipelines.run(processing("A"), second)
    pipelines.finished(arn)
    pages = pipelines.client.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, PaginationConfig={"PageSize": 1}
    )
    steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
    assert [step["StepName"] for step in steps] == ["B", "A"]
    assert (steps[0]["StepDisplayName"], steps[0]["StepDescription"]) == ("The second", "after the first")
    assert steps[0]["StartTime"] <= steps[0]["EndTime"]
    assert (steps[0]["StepStatus"], steps[0]["AttemptCount"]) == ("Succeeded", 1)
    assert "CacheHitResult" not in steps[0]
    assert steps[0]["Metadata"]["ProcessingJob"]["Arn"].startswith("arn:aws:sagemaker:us-east-1:000000000000:")


@pytest.mark.operation("DescribePipelineExecution", error="ResourceNotFound")
@pytest.mark.operation("DescribePipelineDefinitionForExecution", error="ResourceNotFound")
@pytest.mark.operation("ListPipelineExecutionSteps", error="ResourceNotFound")
@pytest.mark.operation("ListPipelineParametersForExecution", error="ResourceNotFound")
@pytest.mark.operation("StopPipelineExecution", error="ResourceNotFound")
@pytest.mark.parametrize(
    "method",
    [
        "describe_pipeline_execution",
        "describe_pipeline_definition_for_execution",
        "list_pipeline_execution_steps",
        "list_pipeline_parameters_for_execution",
        "stop_pipeline_execution",
    ],
)
def test_an_unknown_execution(local: Local, refused: Refused, method: str) -> None:
    message = refused("ResourceNotFound", getattr(local.sagemaker, method), PipelineExecutionArn=UNKNOWN)
    assert message == f"Pipeline execution '{UNKNOWN}' does not exist."


@pytest.mark.operation("ListPipelineExecutions", error="ResourceNotFound")
@pytest.mark.operation("ListPipelineExecutionSteps", error="ValidationException")
def test_listing_needs_what_it_lists(local: Local, refused: Refused) -> None:
    refused("ResourceNotFound", local.sagemaker.list_pipeline_executions, PipelineName="reviews")
    refused("ValidationException", local.sagemaker.list_pipeline_execution_steps)


@pytest.mark.operation("StopPipelineExecution")
@pytest.mark.operation("StopPipelineExecution", error="ValidationException")
def test_only_a_running_execution_is_stopped(pipelines: Pipelines, jobs: Jobs, refused: Refused) -> None:
    arn = pipelines.run(processing("A"))
    jobs.request("A")
    assert pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionArn"] == arn
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Stopped"
    message = refused("ValidationException", pipelines.client.stop_pipeline_execution, PipelineExecutionArn=arn)
    assert "status Stopped. Only pipelines with 'Executing' status can be stopped." in message


def test_each_change_of_status_is_an_event(local: Local, pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("A"))
    jobs.end("A")
    pipelines.finished(arn)
    sent = local.settle()
    assert {event["DetailType"] for event in sent} == {"SageMaker Model Building Pipeline Execution Status Change"}
    details = [json.loads(event["Detail"]) for event in sent]
    assert [d.get("previousPipelineExecutionStatus") for d in details] == [None, "Executing"]
    assert [d["currentPipelineExecutionStatus"] for d in details] == ["Executing", "Succeeded"]
    assert {d["pipelineExecutionArn"] for d in details} == {arn}
    assert ["executionEndTime" in d for d in details] == [False, True]


def test_what_ran_when_the_sandbox_stopped_has_failed(local: Local, pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("A"), processing("B"))
    jobs.end("B")
    wait_for(lambda: pipelines.statuses(arn) == {"A": "Executing", "B": "Succeeded"})
    saved = service.get_state()
    service.reset()
    local.settle()
    service.load_persisted_state(saved)
    reason = "The sandbox stopped while the execution was running"
    assert package.recover() == [f"Pipeline execution {arn} is Failed: {reason}."]
    described = pipelines.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert (described["PipelineExecutionStatus"], described["FailureReason"]) == ("Failed", reason)
    assert pipelines.statuses(arn) == {"A": "Failed", "B": "Succeeded"}
    assert pipelines.steps(arn)["A"]["FailureReason"] == reason
    assert package.recover() == []


def test_an_execution_stays_as_it_is_when_the_sandbox_stops(
    local: Local, pipelines: Pipelines, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr(background, "stopping", stopping)
    arn = pipelines.run(processing("A"))
    jobs.request("A")
    stopping.set()
    local.settle()
    assert pipelines.client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == (
        "Executing"
    )
