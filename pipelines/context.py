"""Tells every step builder where things are, who runs them, and the parameters. Needs the SageMaker SDK."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import Parameter
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)


@dataclass(frozen=True)
class Context:
    """One target of the pipeline: final values, or the stand-ins that `compile.py` turns into placeholders."""

    session: PipelineSession
    bucket: str
    pipeline_role_arn: str
    model_execution_role_arn: str
    blazingtext_image_uri: str
    processing_image_uri: str
    code_prefix: str
    code_version: str
    champion_group_name: str
    challenger_group_name: str
    parameters: Mapping[str, Parameter]

    def get(self, name: str) -> Parameter:
        """Returns the parameter as a reference, with its own type."""
        return self.parameters[name]

    def text(self, name: str) -> Any:
        """Returns the parameter as text, for script arguments and hyperparameters, which are strings."""
        return self.parameters[name].to_string()

    @property
    def code_uri(self) -> str:
        """Returns the folder that holds this package for the Processing scripts."""
        return f"s3://{self.bucket}/{self.code_prefix}/"

    def run_uri(self, *parts: str) -> Join:
        """Returns s3://bucket/runs/EXECUTION/parts..., known when the execution starts."""
        return Join(on="/", values=[f"s3://{self.bucket}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID, *parts])


def request_retries() -> list[StepRetryPolicy]:
    """Returns the retries of every step: SageMaker's own faults and throttling."""
    return [
        StepRetryPolicy(
            exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
            interval_seconds=5,
            backoff_rate=2.0,
            max_attempts=5,
        )
    ]


def job_retries() -> list[StepRetryPolicy]:
    """Returns the retries of steps that start a job: also account limits and capacity, never faults of our code."""
    return [
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
            failure_reason_types=[
                SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
                SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
            ],
            interval_seconds=60,
            backoff_rate=2.0,
            max_attempts=3,
        ),
        *request_retries(),
    ]
