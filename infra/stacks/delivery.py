"""Deploys the delivery of one stage where there is no SageMaker project: the pipeline alone."""

from aws_cdk import CfnOutput, CfnParameter, Stack
from constructs import Construct

from abtest.experiment.record.config import ExperimentConfig
from infra.constructs.delivery_pipeline import DeliveryPipeline, Source


def source_parameters(stack: Stack) -> Source:
    """Adds the parameters that say where the code is."""
    connection = CfnParameter(
        stack,
        "ConnectionArn",
        description="The connection to the Git host, made by hand, since it needs a log-in there.",
        allowed_pattern="^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[a-f0-9-]+$",
    )
    repository = CfnParameter(
        stack,
        "RepositoryName",
        description="The repository's full name, as owner/name.",
        allowed_pattern="^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$",
    )
    branch = CfnParameter(
        stack, "BranchName", description="A push to this branch is delivered.", default="main", min_length=1
    )
    return Source(
        connection_arn=connection.value_as_string,
        repository=repository.value_as_string,
        branch=branch.value_as_string,
    )


class DeliveryStack(Stack):
    """Delivers a stage; with `approve` a person must agree before anything is deployed."""

    def __init__(self, scope: Construct, name: str, *, config: ExperimentConfig, approve: bool) -> None:
        super().__init__(scope, name, termination_protection=approve)
        DeliveryPipeline(
            self,
            "Delivery",
            project_name=config.project_name,
            stage_name=config.stage_name,
            source=source_parameters(self),
            variables={},
            approve=approve,
        )
        CfnOutput(self, "DeliveryPipelineName", value=f"sagemaker-{config.prefix}")
