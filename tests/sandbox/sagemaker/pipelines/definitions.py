"""Small pipeline definitions, put together from steps."""

import json
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/pipeline"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3"

Step = dict[str, Any]


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def join(*values: Any, on: str = "/") -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def json_get(step: str, file: str, path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{step}.PropertyFiles.{file}"), "Path": path}}


def processing(name: str, *, after: list[str] | None = None, arguments: list[Any] | None = None, **extra: Any) -> Step:
    """A job with one output `out`, in which a property file Report is report.json."""
    step: Step = {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "/opt/ml/x.py"]},
            "RoleArn": ROLE,
            "ProcessingOutputConfig": {"Outputs": [output("out", join("s3://bucket/runs", name))]},
        },
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}],
        **extra,
    }
    if arguments is not None:
        step["Arguments"]["AppSpecification"]["ContainerArguments"] = arguments
    if after is not None:
        step["DependsOn"] = after
    return step


def output(name: str, uri: Any) -> dict[str, Any]:
    location = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": location}


def training(name: str, data: Any, **extra: Any) -> Step:
    source = {"S3DataType": "S3Prefix", "S3Uri": data}
    return {
        "Name": name,
        "Type": "Training",
        "Arguments": {
            **training_job(),
            "HyperParameters": {"mode": "supervised"},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        },
        **extra,
    }


def training_job() -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "blazingtext:1"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "RoleArn": ROLE,
    }


def tuning(name: str, objective: str = "Maximize") -> Step:
    return {
        "Name": name,
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
                "HyperParameterTuningJobObjective": {"Type": objective, "MetricName": "validation:accuracy"},
                "ParameterRanges": {"IntegerParameterRanges": [{"Name": "epochs", "MinValue": "5", "MaxValue": "9"}]},
            },
            "TrainingJobDefinition": training_job(),
        },
    }


def model(name: str, artefact: Any) -> Step:
    container = {"Image": IMAGE, "ModelDataUrl": artefact}
    return {"Name": name, "Type": "Model", "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}}


def transform(name: str, of: Any) -> Step:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/test.jsonl"}}
    return {
        "Name": name,
        "Type": "Transform",
        "Arguments": {
            "ModelName": of,
            "TransformInput": {"DataSource": source, "ContentType": "application/jsonlines", "SplitType": "Line"},
            "TransformOutput": {"S3OutputPath": "s3://bucket/predictions"},
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        },
    }


def register(name: str, artefact: Any, group: Any = "reviews-champion", **extra: Any) -> Step:
    return {
        "Name": name,
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {
                "Containers": [{"Image": IMAGE, "ModelDataUrl": artefact}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            "ModelApprovalStatus": "PendingManualApproval",
        },
        **extra,
    }


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


def condition(
    name: str, conditions: list[Any], then: list[Step] | None = None, otherwise: list[Step] | None = None, **extra: Any
) -> Step:
    arguments = {"Conditions": conditions, "IfSteps": then or [], "ElseSteps": otherwise or []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **extra}


def fail(name: str, message: Any = "it failed") -> Step:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def parameter(name: str, kind: str = "String", default: Any = None, **extra: Any) -> dict[str, Any]:
    declared = {"Name": name, "Type": kind, **extra}
    return declared if default is None else declared | {"DefaultValue": default}


def document(*steps: Any, parameters: list[Any] | None = None) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters or [], "Steps": list(steps)}


def text(*steps: Any, parameters: list[Any] | None = None) -> str:
    return json.dumps(document(*steps, parameters=parameters))
