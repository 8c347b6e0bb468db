"""Run by test_sdk.py in a process of its own: `sdk_round_trip.py BUCKET ROLE_ARN` prints what users of the SDK see."""

import json
import os
import sys
from typing import Any

import boto3
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionGreaterThan
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep

FOLDER = "/opt/ml/processing/report"


def pipeline(bucket: str, role: str) -> Pipeline:
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
    session = PipelineSession(boto_session=boto3.Session(), default_bucket=bucket, sagemaker_config=config)
    accuracy = ParameterFloat("Accuracy", default_value=0.75)
    uri = Join(on="/", values=[f"s3://{bucket}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID])
    processor = ScriptProcessor(
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3",
        command=["python3"],
        role=role,
        instance_count=1,
        instance_type="ml.m5.xlarge",
        sagemaker_session=session,
    )
    report = ProcessingOutput(
        output_name="out", s3_output=ProcessingS3Output(s3_uri=uri, local_path=FOLDER, s3_upload_mode="EndOfJob")
    )
    file = PropertyFile(name="Report", output_name="out", path="report.json")
    arguments = [accuracy.to_string(), FOLDER, "0"]
    run = processor.run(code=f"s3://{bucket}/code/report.py", outputs=[report], arguments=arguments)
    evaluate = ProcessingStep("Evaluate", step_args=run, property_files=[file])
    measured = JsonGet(step_name="Evaluate", property_file=file, json_path="metrics.accuracy")
    gate = ConditionStep(
        "Gate", conditions=[ConditionGreaterThan(measured, 0.5)], else_steps=[FailStep("Refused", "too low")]
    )
    return Pipeline(bucket, parameters=[accuracy], steps=[evaluate, gate], sagemaker_session=session)


def outcome(execution: Any) -> dict[str, Any]:
    described = execution.describe()
    steps = {step["StepName"]: step["StepStatus"] for step in execution.list_steps()}
    return {"status": described["PipelineExecutionStatus"], "steps": steps}


def main(bucket: str, role: str) -> None:
    made = pipeline(bucket, role)
    created = made.upsert(role_arn=role, tags=[{"Key": "made-by", "Value": "sdk"}])["PipelineArn"]
    updated = made.upsert(role_arn=role, description="again", tags=[{"Key": "twice", "Value": "yes"}])["PipelineArn"]
    good = made.start()
    good.wait(delay=1)
    bad = made.start(parameters={"Accuracy": 0.25})
    try:
        bad.wait(delay=1)
        message = ""
    except Exception as error:  # the waiter's own error, whose class botocore makes up
        message = str(error)
    listed = made.list_executions()["PipelineExecutionSummaries"]
    shown: dict[str, Any] = {"arns": [created, updated], "good": outcome(good), "bad": outcome(bad), "wait": message}
    shown |= {"executions": len(listed), "parameters": bad.list_parameters()["PipelineParameters"]}
    made.delete()
    os.write(1, json.dumps(shown).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
