from typing import Any

import pytest

from abtest.sandbox.sagemaker.errors import ServiceError
from tests.conftest import wait_for
from tests.sandbox.sagemaker.pipelines.conftest import Jobs, Pipelines
from tests.sandbox.sagemaker.pipelines.definitions import (
    compare,
    condition,
    fail,
    get,
    join,
    json_get,
    model,
    parameter,
    processing,
    register,
    training,
    transform,
    tuning,
)

pytestmark = pytest.mark.slow

OUT = "ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
TRUE = compare("Equals", 1, 1)
FALSE = compare("Equals", 1, 2)


def test_a_step_starts_when_what_it_refers_to_has_ended(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("Prepare"), training("Train", get(f"Steps.Prepare.{OUT}")))
    jobs.request("Prepare")
    assert pipelines.statuses(arn) == {"Prepare": "Executing"}
    jobs.end("Prepare")
    channel = jobs.request("Train")["InputDataConfig"][0]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == "s3://bucket/runs/Prepare"
    jobs.end("Train")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert pipelines.statuses(arn) == {"Prepare": "Succeeded", "Train": "Succeeded"}


def test_jobs_are_named_after_execution_and_step(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    arn = pipelines.run(processing("Prepare"), tuning("TuneTheChallengerModel"))
    pipelines.finished(arn)
    execution = arn.rpartition("/")[2]
    names = {request.get("ProcessingJobName") or request["HyperParameterTuningJobName"] for _, request in jobs.requests}
    assert any(name.startswith(f"pipelines-{execution}-Prepare-") and len(name) < 64 for name in names)
    assert any(name.startswith(f"{execution}-TuneTh") and len(name) == 32 for name in names)
    job = pipelines.steps(arn)["Prepare"]["Metadata"]["ProcessingJob"]["Arn"]
    assert job.rpartition("/")[2] in {name.lower() for name in names}


def test_depends_on_gives_the_order_without_a_reference(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("Second", after=["First"]), processing("First"))
    jobs.request("First")
    assert jobs.started == ["First"]
    jobs.end("First")
    jobs.end("Second")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_independent_steps_run_at_the_same_time(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(*(processing(name) for name in "ABC"))
    wait_for(lambda: jobs.started == ["A", "B", "C"])
    for name in "ABC":
        jobs.end(name)
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_at_most_so_many_steps_run_at_once(pipelines: Pipelines, jobs: Jobs) -> None:
    limit: Any = {"MaxParallelExecutionSteps": 2}
    arn = pipelines.run(*(processing(name) for name in "ABC"), ParallelismConfiguration=limit)
    wait_for(lambda: jobs.started == ["A", "B"])
    jobs.end("B")
    wait_for(lambda: jobs.started == ["A", "B", "C"])
    jobs.end("A")
    jobs.end("C")
    described = pipelines.finished(arn)
    assert described["ParallelismConfiguration"] == limit


def test_a_failed_step_starts_nothing_more_and_lets_others_end(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(
        processing("Bad"),
        processing("Slow"),
        processing("AfterBad", after=["Bad"]),
        processing("AfterSlow", after=["Slow"]),
    )
    jobs.end("Bad", "Failed", FailureReason="AlgorithmError: exit code 1")
    wait_for(lambda: pipelines.statuses(arn)["Bad"] == "Failed")
    described = pipelines.client.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionStatus"] == "Executing"
    jobs.end("Slow")
    described = pipelines.finished(arn)
    assert described["PipelineExecutionStatus"] == "Failed"
    assert described["FailureReason"] == "Step failure: One or multiple steps failed."
    assert pipelines.statuses(arn) == {"Bad": "Failed", "Slow": "Succeeded"}
    assert pipelines.steps(arn)["Bad"]["FailureReason"] == "ClientError: AlgorithmError: exit code 1"


def test_a_job_that_cannot_be_created_fails_its_step(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.refusals = [ServiceError("ResourceLimitExceeded", "no more instances")]
    arn = pipelines.run(processing("Prepare"))
    pipelines.finished(arn)
    reason = pipelines.steps(arn)["Prepare"]["FailureReason"]
    assert reason == "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: no more instances"


def test_a_job_stopped_by_someone_else_fails_its_step(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("Prepare"))
    jobs.end("Prepare", "Stopped")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Failed"
    assert "stopped" in pipelines.steps(arn)["Prepare"]["FailureReason"]


def retry(*kinds: str, **members: Any) -> dict[str, Any]:
    return {"ExceptionType": list(kinds), "IntervalSeconds": 0, "BackoffRate": 2.0, **members}


def test_a_retry_policy_makes_further_attempts(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.refusals = [ServiceError("ResourceLimitExceeded", "full"), ServiceError("ThrottlingException", "slow down")]
    policies = [retry("SageMaker.RESOURCE_LIMIT", MaxAttempts=3), retry("Step.THROTTLING", MaxAttempts=3)]
    arn = pipelines.run(processing("Prepare", RetryPolicies=policies))
    jobs.end("Prepare")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert pipelines.steps(arn)["Prepare"]["AttemptCount"] == 3


def test_retries_end_with_the_attempts_of_the_policy(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.refusals = [ServiceError("InternalFailure", "broken", 500)] * 5
    policies = [retry("Step.SERVICE_FAULT", MaxAttempts=2)]
    arn = pipelines.run(processing("Prepare", RetryPolicies=policies))
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Failed"
    assert pipelines.steps(arn)["Prepare"]["AttemptCount"] == 3
    assert len(jobs.refusals) == 2


def test_a_failed_job_is_retried_under_a_new_name(pipelines: Pipelines, jobs: Jobs) -> None:
    policies = [retry("SageMaker.JOB_INTERNAL_ERROR", MaxAttempts=1)]
    arn = pipelines.run(processing("Prepare", RetryPolicies=policies))
    jobs.end("Prepare", "Failed", FailureReason="InternalServerError: try again")
    wait_for(lambda: len(jobs.requests) == 2)
    jobs.end("Prepare")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert len({request["ProcessingJobName"] for _, request in jobs.requests}) == 2


@pytest.mark.parametrize(("outcome", "ran"), [(TRUE, "Then"), (FALSE, "Otherwise")])
def test_a_condition_runs_one_branch(pipelines: Pipelines, jobs: Jobs, outcome: Any, ran: str) -> None:
    jobs.automatic = True
    check = condition("Check", [outcome], [processing("Then")], [processing("Otherwise")])
    arn = pipelines.run(check, processing("After", after=["Check"]))
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(pipelines.steps(arn)) == {"Check", ran, "After"}
    assert pipelines.steps(arn)["Check"]["Metadata"] == {"Condition": {"Outcome": str(outcome is TRUE)}}


def test_steps_that_depend_on_a_branch_not_taken_are_left_out(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.automatic = True
    arn = pipelines.run(
        condition("Check", [FALSE], [processing("Deep")]),
        condition("After", [TRUE], [processing("Deeper")], DependsOn=["Deep"]),
        processing("Later", after=["Deeper"]),
    )
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(pipelines.steps(arn)) == {"Check"}


def test_a_condition_reads_a_property_file(pipelines: Pipelines, jobs: Jobs, objects: dict[str, Any]) -> None:
    objects["s3://bucket/runs/Evaluate/report.json"] = {"metrics": {"accuracy": [{"value": 0.7}]}}
    jobs.automatic = True
    accuracy = json_get("Evaluate", "Report", "metrics.accuracy[0].value")
    check = condition("Check", [compare("GreaterThanOrEqualTo", accuracy, get("Parameters.Floor"))])
    arn = pipelines.run(processing("Evaluate"), check, parameters=[parameter("Floor", "Float", 0.6)])
    pipelines.finished(arn)
    assert pipelines.steps(arn)["Check"]["Metadata"] == {"Condition": {"Outcome": "True"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"not json", "is not valid JSON"),
        ({"metrics": {}}, "there is nothing at 'metrics.accuracy'"),
        ({"metrics": {"accuracy": "0.7"}}, "cannot compare '0.7' of type String with 0.6 of type Number"),
    ],
)
def test_a_property_file_without_the_value_fails_the_condition(
    pipelines: Pipelines, jobs: Jobs, objects: dict[str, Any], content: Any, reason: str
) -> None:
    if content is not None:
        objects["s3://bucket/runs/Evaluate/report.json"] = content
    jobs.automatic = True
    check = condition("Check", [compare("LessThan", json_get("Evaluate", "Report", "metrics.accuracy"), 0.6)])
    arn = pipelines.run(processing("Evaluate"), check)
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Failed"
    assert reason in pipelines.steps(arn)["Check"]["FailureReason"]


def test_a_fail_step_fails_the_execution_with_its_message(pipelines: Pipelines, jobs: Jobs) -> None:
    message = join("accuracy under", get("Parameters.Floor"), get("Steps.Check.Outcome"), on=" ")
    arn = pipelines.run(
        condition("Check", [FALSE], [], [fail("TooLow", message)]), parameters=[parameter("Floor", "Float", 0.6)]
    )
    described = pipelines.finished(arn)
    assert described["PipelineExecutionStatus"] == "Failed"
    assert described["FailureReason"] == "Step failure: One or multiple steps failed."
    step = pipelines.steps(arn)["TooLow"]
    assert step["FailureReason"] == "accuracy under 0.6 false"
    assert step["Metadata"] == {"Fail": {"ErrorMessage": "accuracy under 0.6 false"}}


def test_a_fail_step_without_a_message(pipelines: Pipelines) -> None:
    arn = pipelines.run(fail("Stop", ""))
    pipelines.finished(arn)
    step = pipelines.steps(arn)["Stop"]
    assert "FailureReason" not in step
    assert step["Metadata"] == {"Fail": {"ErrorMessage": ""}}


@pytest.mark.parametrize(("objective", "best"), [("Maximize", "best"), ("Minimize", "worst")])
def test_trials_of_a_tuning_step_are_referred_to_best_first(
    pipelines: Pipelines, jobs: Jobs, objective: str, best: str
) -> None:
    top = get("Steps.Tune.TrainingJobSummaries[0].TrainingJobName")
    jobs.automatic = True
    arn = pipelines.run(tuning("Tune", objective), training("Train", join("s3:/", "bucket", top)))
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    channel = jobs.request("Train")["InputDataConfig"][0]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://bucket/{best}"


def test_model_transform_and_registration(pipelines: Pipelines, jobs: Jobs) -> None:
    artefact = "s3://bucket/good/model.tar.gz"
    arn = pipelines.run(
        model("Model", artefact),
        transform("Predict", get("Steps.Model.ModelName")),
        register("Register", artefact, DependsOn=["Predict"]),
    )
    name = jobs.request("Predict")["ModelName"]
    assert pipelines.client.describe_model(ModelName=name)["ModelArn"]
    jobs.end("Predict")
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Succeeded"
    steps = pipelines.steps(arn)
    package = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    assert package.endswith("model-package/reviews-champion/1")
    assert steps["Model"]["Metadata"]["Model"]["Arn"].endswith(f"model/{name}".lower())
    assert pipelines.client.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]


def test_execution_variables(pipelines: Pipelines, jobs: Jobs) -> None:
    names = ["PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn", "StartDateTime"]
    jobs.automatic = True
    arguments = [get(f"Execution.{name}") for name in [*names, "CurrentDateTime"]]
    arn = pipelines.run(processing("Show", arguments=arguments))
    pipelines.finished(arn)
    shown = jobs.request("Show")["AppSpecification"]["ContainerArguments"]
    pipeline = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/reviews"
    assert shown[:4] == ["reviews", pipeline, arn.rpartition("/")[2], arn]
    assert shown[4] <= shown[5]
    assert shown[4].endswith("Z")


def test_a_pipeline_is_stopped_with_its_running_jobs(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("Slow"), processing("Next", after=["Slow"]))
    jobs.request("Slow")
    pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Stopped"
    assert pipelines.statuses(arn) == {"Slow": "Stopped"}


def test_a_step_that_waits_for_its_next_attempt_is_stopped(pipelines: Pipelines, jobs: Jobs) -> None:
    jobs.refusals = [ServiceError("ThrottlingException", "slow down")]
    arn = pipelines.run(processing("Wait", RetryPolicies=[retry("Step.THROTTLING", IntervalSeconds=600)]))
    wait_for(lambda: not jobs.refusals)
    pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.finished(arn)["PipelineExecutionStatus"] == "Stopped"
    assert pipelines.statuses(arn) == {"Wait": "Stopped"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_fails_the_execution(pipelines: Pipelines, jobs: Jobs) -> None:
    arn = pipelines.run(processing("Prepare"))
    jobs.request("Prepare")
    jobs._jobs.clear()
    described = pipelines.finished(arn)
    assert described["FailureReason"].startswith("InternalServerError: KeyError")
    assert pipelines.statuses(arn) == {"Prepare": "Failed"}
