"""A small pipeline on a real sandbox: the job is a subprocess, its report is in S3, the package in the registry."""

import json
import signal
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Sandbox, wait_for
from tests.sandbox.sagemaker.pipelines.definitions import (
    ROLE,
    compare,
    condition,
    document,
    fail,
    get,
    join,
    json_get,
    output,
    parameter,
    processing,
    register,
)

pytestmark = pytest.mark.slow

REPORT = "/opt/ml/processing/report"
SCRIPT = """
import json, pathlib, sys, time
accuracy, folder, seconds = sys.argv[1:]
time.sleep(float(seconds))
pathlib.Path(folder, "report.json").write_text(json.dumps({"metrics": {"accuracy": float(accuracy)}}))
"""


def job(bucket: str) -> dict[str, Any]:
    step = processing("Evaluate", arguments=[join(get("Parameters.Accuracy")), REPORT, get("Parameters.Seconds")])
    arguments = step["Arguments"]
    arguments["AppSpecification"]["ContainerEntrypoint"] = ["python3", "/opt/ml/processing/input/code/report.py"]
    code = {"S3Uri": f"s3://{bucket}/code/report.py", "LocalPath": "/opt/ml/processing/input/code"}
    arguments["ProcessingInputs"] = [
        {"InputName": "code", "S3Input": code | {"S3DataType": "S3Prefix", "S3InputMode": "File"}}
    ]
    uri = join(f"s3://{bucket}/runs", get("Execution.PipelineExecutionId"), "report")
    arguments["ProcessingOutputConfig"]["Outputs"] = [output("out", uri)]
    arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] = REPORT
    return step


def definition(bucket: str) -> str:
    accuracy = json_get("Evaluate", "Report", "metrics.accuracy")
    gate = condition(
        "Gate",
        [compare("GreaterThanOrEqualTo", accuracy, get("Parameters.Floor"))],
        [register("Register", f"s3://{bucket}/model.tar.gz", group=f"{bucket}-champion")],
        [fail("Refused", join("accuracy is", accuracy, on=" "))],
    )
    declared = [
        parameter("Accuracy", "Float", 0.75),
        parameter("Floor", "Float", 0.5),
        parameter("Seconds", default="0"),
    ]
    return json.dumps(document(job(bucket), gate, parameters=declared))


def prepared(sandbox: Sandbox) -> str:
    """A bucket with the script and a definition, and the pipeline of the same name."""
    name = f"pipelines-{uuid.uuid4().hex[:8]}"
    s3, sagemaker = sandbox.client("s3"), sandbox.client("sagemaker")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="code/report.py", Body=SCRIPT.encode())
    s3.put_object(Bucket=name, Key="definition.json", Body=definition(name).encode())
    location = {"Bucket": name, "ObjectKey": "definition.json"}
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinitionS3Location=location, RoleArn=ROLE)
    return name


def start(sandbox: Sandbox, name: str, **values: str) -> str:
    given = [{"Name": key, "Value": value} for key, value in values.items()]
    started = sandbox.client("sagemaker").start_pipeline_execution(PipelineName=name, PipelineParameters=given)
    return str(started["PipelineExecutionArn"])


def finished(sandbox: Sandbox, arn: str) -> tuple[str, dict[str, Any]]:
    sagemaker = sandbox.client("sagemaker")

    def status() -> str | None:
        described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        found: str = described["PipelineExecutionStatus"]
        return found if found not in ("Executing", "Stopping") else None

    ended = wait_for(status)
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return ended, {step["StepName"]: step for step in listed}


def test_process_decide_register(sandbox: Sandbox) -> None:
    name = prepared(sandbox)
    arn = start(sandbox, name)
    status, steps = finished(sandbox, arn)
    assert (status, list(steps)) == ("Succeeded", ["Register", "Gate", "Evaluate"])
    key = f"runs/{arn.rpartition('/')[2]}/report/report.json"
    report = sandbox.client("s3").get_object(Bucket=name, Key=key)["Body"].read()
    assert json.loads(report) == {"metrics": {"accuracy": 0.75}}
    package = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    described = sandbox.client("sagemaker").describe_model_package(ModelPackageName=package)
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == (f"{name}-champion", 1)


def test_the_other_branch_fails_the_execution(sandbox: Sandbox) -> None:
    status, steps = finished(sandbox, start(sandbox, prepared(sandbox), Accuracy="0.25"))
    assert (status, list(steps)) == ("Failed", ["Refused", "Gate", "Evaluate"])
    assert steps["Refused"]["FailureReason"] == "accuracy is 0.25"


def test_a_script_that_fails_fails_the_execution(sandbox: Sandbox) -> None:
    status, steps = finished(sandbox, start(sandbox, prepared(sandbox), Seconds="soon"))
    assert (status, list(steps)) == ("Failed", ["Evaluate"])
    assert "could not convert string to float" in steps["Evaluate"]["FailureReason"]


def test_every_operation_over_http(sandbox: Sandbox) -> None:
    name = prepared(sandbox)
    arn = start(sandbox, name, Floor="0.6")
    finished(sandbox, arn)
    sagemaker = sandbox.client("sagemaker")
    pipeline = sagemaker.update_pipeline(PipelineName=name, PipelineDescription="again")["PipelineArn"]
    assert sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDescription"] == "again"
    assert [p["PipelineArn"] for p in sagemaker.list_pipelines(PipelineNamePrefix=name)["PipelineSummaries"]] == [
        pipeline
    ]
    listed = sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert [execution["PipelineExecutionArn"] for execution in listed] == [arn]
    parameters = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert {"Name": "Floor", "Value": "0.6"} in parameters
    described = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert described["PipelineDefinition"] == definition(name)
    with pytest.raises(ClientError, match="Only pipelines with 'Executing' status can be stopped"):
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    sagemaker.delete_pipeline(PipelineName=name)
    for method in ("describe_pipeline", "update_pipeline", "delete_pipeline", "list_pipeline_executions"):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            getattr(sagemaker, method)(PipelineName=name)


def running(sandbox: Sandbox, arn: str) -> str:
    """The name of the job of the first step, once it runs."""

    def job_name() -> str | None:
        listed = sandbox.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=arn)
        steps = [step for step in listed["PipelineExecutionSteps"] if step["StepStatus"] == "Executing"]
        return str(steps[0]["Metadata"]["ProcessingJob"]["Arn"]).rpartition("/")[2] if steps else None

    name: str = wait_for(job_name)
    return name


def test_a_stop_ends_the_job_too(sandbox: Sandbox) -> None:
    arn = start(sandbox, prepared(sandbox), Seconds="600")
    running(sandbox, arn)
    sandbox.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)
    status, steps = finished(sandbox, arn)
    assert (status, steps["Evaluate"]["StepStatus"]) == ("Stopped", "Stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_execution_that_ran_has_failed_after_a_restart(
    sandbox_factory: Callable[..., Sandbox], number: signal.Signals
) -> None:
    sandbox = sandbox_factory("--snapshot-seconds", "0.2")
    name = prepared(sandbox)
    finished(sandbox, start(sandbox, name))
    arn = start(sandbox, name, Seconds="600")
    running(sandbox, arn)
    saved = sandbox.data_dir / "state" / "sagemaker.json"
    wait_for(lambda: saved.exists() and arn in saved.read_text() and '"Executing"' in saved.read_text())
    sandbox.restart(number)
    status, steps = finished(sandbox, arn)
    assert (status, steps["Evaluate"]["StepStatus"]) == ("Failed", "Failed")
    described = sandbox.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["FailureReason"] == "The sandbox stopped while the execution was running"
    assert f"Pipeline execution {arn} is Failed" in sandbox.log
    status, _ = finished(sandbox, start(sandbox, name))
    assert status == "Succeeded"
