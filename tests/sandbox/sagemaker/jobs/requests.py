"""Requests for jobs, texts to train on, and waiting for a job's end."""

import json
import random
from typing import Any

from tests.conftest import wait_for

BUCKET = "jobs-tests"
ROLE = "arn:aws:iam::000000000000:role/jobs"
SCRIPT_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3"
BLAZINGTEXT_IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
RUNNING = ("InProgress", "Stopping")

# Small enough to train in a fraction of a second.
HYPERPARAMETERS = {"mode": "supervised", "vector_dim": "8", "buckets": "1000", "min_count": "1", "epochs": "20"}


def s3_source(uri: str) -> dict[str, Any]:
    return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}


def processing(name: str, *arguments: str, **members: Any) -> dict[str, Any]:
    """A processing job that runs `python3 script.py ARGUMENTS`, the script at s3://BUCKET/{name}/code/script.py."""
    code = {"S3Uri": f"s3://{BUCKET}/{name}/code", "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix"}
    data = {"S3Uri": f"s3://{BUCKET}/{name}/in", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    output = {"S3Uri": f"s3://{BUCKET}/{name}/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": SCRIPT_IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/script.py"],
            **({"ContainerArguments": list(arguments)} if arguments else {}),
        },
        "ProcessingInputs": [{"InputName": "code", "S3Input": code}, {"InputName": "data", "S3Input": data}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": output}]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        **members,
    }


def put_script(s3: Any, name: str, script: str, data: str = "data") -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{name}/code/script.py", Body=script)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in/data.txt", Body=data)


def training_definition(data: str = "data", image: str = BLAZINGTEXT_IMAGE) -> dict[str, Any]:
    """What a training job and a tuning job's definition have in common; `data`: a prefix with train/, validation/."""
    return {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": s3_source(f"s3://{BUCKET}/{data}/{name}/")}
            for name in ("train", "validation")
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def training(name: str, **hyperparameters: str) -> dict[str, Any]:
    return training_definition() | {"TrainingJobName": name, "HyperParameters": HYPERPARAMETERS | hyperparameters}


def tuning(name: str, ranges: dict[str, Any], jobs: int = 9, parallel: int = 3, **static: str) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "RandomSeed": 7,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": ranges,
        },
        "TrainingJobDefinition": training_definition()
        | {"StaticHyperParameters": {"mode": "supervised", "buckets": "1000", "epochs": "5"} | static},
    }


def transform(name: str, model: str, **members: Any) -> dict[str, Any]:
    """A transform job over s3://BUCKET/{name}/in to s3://BUCKET/{name}/out."""
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": s3_source(f"s3://{BUCKET}/{name}/in"),
            "ContentType": "application/jsonlines",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{BUCKET}/{name}/out",
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def labelled_text(rows: int, seed: int) -> str:
    """Lines whose label a third of the words give away."""
    generator = random.Random(seed)
    lines = []
    for row in range(rows):
        words = ["good", "fine", "long"] if row % 2 else ["bad", "poor", "short"]
        chosen = generator.choices([*words, "the", "a", "it", "dryer", "works", "hair"], k=6)
        lines.append(f"__label__{'Helpful' if row % 2 else 'NotHelpful'} {' '.join(chosen)}\n")
    return "".join(lines)


def put_training_data(s3: Any, prefix: str = "data") -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/train/train.txt", Body=labelled_text(200, seed=1))
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/validation/validation.txt", Body=labelled_text(80, seed=2))


def json_lines(*texts: str) -> str:
    return "".join(json.dumps({"source": text}) + "\n" for text in texts)


def described(sagemaker: Any, noun: str, name: str) -> dict[str, Any]:
    """`noun` as in operation names: processing_job, training_job, hyper_parameter_tuning_job, transform_job."""
    member = "".join(word.capitalize() for word in noun.split("_")) + "Name"
    found: dict[str, Any] = getattr(sagemaker, f"describe_{noun}")(**{member: name})
    return found


def ended(sagemaker: Any, noun: str, name: str, seconds: float = 60.0) -> dict[str, Any]:
    """The description of a job once it has ended."""
    status = "".join(word.capitalize() for word in noun.split("_")) + "Status"
    found: dict[str, Any] = wait_for(
        lambda: (job := described(sagemaker, noun, name)) and job[status] not in RUNNING and job, seconds
    )
    return found


def read(s3: Any, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return content


def keys(s3: Any, prefix: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
