"""SageMaker Pipelines stores, checks and runs compiled definitions."""

from abtest.sandbox.sagemaker.pipelines import catalogue, executions
from abtest.sandbox.sagemaker.pipelines.executions import recover

__all__ = ["catalogue", "executions", "recover"]
