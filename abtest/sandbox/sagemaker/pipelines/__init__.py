"""SageMaker Pipelines: compiled definitions stored, checked and run."""

from abtest.sandbox.sagemaker.pipelines import catalogue, executions
from abtest.sandbox.sagemaker.pipelines.executions import recover

__all__ = ["catalogue", "executions", "recover"]
