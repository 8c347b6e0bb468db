"""Removes what a stage made beside its stacks: endpoint and models, pipeline, packages, objects in the bucket."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from abtest.adapters import alarms, endpoint_configs
from abtest.adapters.missing import deleted
from abtest.experiment.record.config import ExperimentConfig


def remove_endpoint(config: ExperimentConfig) -> list[str]:
    """Deletes the endpoint, its alarms, its configs and their models; returns the names of what is gone."""
    sagemaker = boto3.client("sagemaker")
    gone = []
    if deleted(sagemaker.delete_endpoint, EndpointName=config.endpoint_name):
        waiter = sagemaker.get_waiter("endpoint_deleted")
        waiter.wait(EndpointName=config.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 900})
        gone.append(config.endpoint_name)
    gone += alarms.keep_only(config.endpoint_name, ())
    for name in endpoint_configs.of_endpoint(sagemaker, config.endpoint_name):
        gone += endpoint_configs.remove(sagemaker, name)
    return gone


def remove_pipeline(pipeline_name: str) -> list[str]:
    """Deletes the pipeline, whose executions must have ended, and the models that they made; the jobs' records stay."""
    sagemaker = boto3.client("sagemaker")
    gone = [name for name in _evaluated(sagemaker, pipeline_name) if deleted(sagemaker.delete_model, ModelName=name)]
    return gone + ([pipeline_name] if deleted(sagemaker.delete_pipeline, PipelineName=pipeline_name) else [])


def _evaluated(sagemaker: Any, pipeline_name: str) -> list[str]:
    """Returns the models that CreateModel steps made for batch transform: SageMaker names them after the execution."""
    try:
        pages = list(sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline_name))
    except ClientError:  # no such pipeline
        return []
    executions = [
        execution["PipelineExecutionArn"] for page in pages for execution in page["PipelineExecutionSummaries"]
    ]
    prefixes = tuple(f"pipelines-{arn.rsplit('/', 1)[1]}-" for arn in executions)
    found = sagemaker.get_paginator("list_models").paginate(NameContains="pipelines-")
    names = (model["ModelName"] for page in found for model in page["Models"])
    return [name for name in names if name.startswith(prefixes)]


def remove_packages(group_name: str) -> list[str]:
    """Deletes the group's packages, without which CloudFormation can delete the group."""
    sagemaker = boto3.client("sagemaker")
    try:
        pages = list(sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group_name))
    except ClientError:  # no such group
        return []
    arns = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
    return arns


def empty_bucket(bucket_name: str) -> int:
    """Deletes every version of every object; returns how many."""
    s3 = boto3.client("s3")
    count = 0
    for versions in _versions(s3, bucket_name):
        s3.delete_objects(Bucket=bucket_name, Delete={"Objects": versions, "Quiet": True})
        count += len(versions)
    return count


def _versions(s3: Any, bucket_name: str) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket_name):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]
