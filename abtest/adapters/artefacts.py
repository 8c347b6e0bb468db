"""What the pipeline left of a registered model: its artefact, its evaluation, its training job."""

import dataclasses
import functools
import json
from typing import Any
from urllib.parse import urlparse

import boto3

from abtest.adapters import registry


@dataclasses.dataclass(frozen=True)
class RegisteredModel:
    """A model package and what it refers to; `evaluation` is the content of its evaluation.json."""

    model_package_arn: str
    model_data_url: str
    execution_id: str
    evaluation: dict[str, Any]

    @property
    def test_accuracy(self) -> dict[str, float]:
        """Members `value`, `lower` and `upper` (95 % interval), each 0..1."""
        accuracy: dict[str, float] = self.evaluation["binary_classification_metrics"]["accuracy"]
        return accuracy

    def features_uri(self, bucket: str) -> str:
        """The folder of the slices that the model's pipeline execution wrote."""
        return f"s3://{bucket}/runs/{self.execution_id}/features"


@functools.cache
def client() -> Any:
    return boto3.client("s3")


def read(uri: str) -> bytes:
    """The content of the object at an s3:// URI."""
    parts = urlparse(uri)
    content: bytes = client().get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    return content


def registered_model(model_package_arn: str) -> RegisteredModel:
    """The package as our pipeline registers it."""
    package = registry.describe(model_package_arn)
    return RegisteredModel(
        model_package_arn=model_package_arn,
        model_data_url=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        execution_id=package["CustomerMetadataProperties"]["ExecutionId"],
        evaluation=json.loads(read(package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])),
    )


def hyperparameters(model: RegisteredModel) -> dict[str, str]:
    """Those of the training job that wrote the artefact, at OUTPUT_PATH/JOB/output/model.tar.gz."""
    job_name = model.model_data_url.rsplit("/", 3)[1]
    found: dict[str, str] = registry.client().describe_training_job(TrainingJobName=job_name)["HyperParameters"]
    return found
