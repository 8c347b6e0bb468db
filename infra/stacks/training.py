"""Deploys what training needs: the two series of model packages, and the roles of pipeline and models."""

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs.pipeline_roles import ModelExecutionRole, PipelineRole, UpsertPolicy
from infra.environments import Delivery


class TrainingStack(Stack):
    """Deploys groups and roles; `abtest pipeline upsert` brings the pipeline, as its code changes more often.

    In a SageMaker project the groups are the project's, which its stages share.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        project_name: str,
        pipeline_name: str,
        bucket: s3.IBucket,
        keep: bool,
        delivery: Delivery,
    ) -> None:
        super().__init__(scope, name, termination_protection=keep)
        self.group_names = (f"{project_name}-champion", f"{project_name}-challenger")
        for role, group_name in zip(("Champion", "Challenger"), self.group_names, strict=True):
            if delivery.project_id is None:
                self._group(role, group_name, project_name, keep)
            CfnOutput(self, f"{role}GroupName", value=group_name)
        self.model_role = ModelExecutionRole(self, "ModelExecutionRole", bucket=bucket)
        pipeline_role = PipelineRole(
            self, "PipelineRole", bucket=bucket, group_names=self.group_names, model_role=self.model_role
        )
        if delivery.upsert_role_name is not None:
            UpsertPolicy(
                self,
                "UpsertPolicy",
                role_name=delivery.upsert_role_name,
                pipeline_name=pipeline_name,
                pipeline_role=pipeline_role,
                bucket=bucket,
            )
        CfnOutput(self, "PipelineName", value=pipeline_name)
        CfnOutput(self, "PipelineRoleArn", value=pipeline_role.role_arn)
        CfnOutput(self, "ModelExecutionRoleArn", value=self.model_role.role_arn)

    def _group(self, role: str, name: str, project_name: str, keep: bool) -> None:
        group = sagemaker.CfnModelPackageGroup(
            self,
            f"{role}Group",
            model_package_group_name=name,
            model_package_group_description=f"{role}s of {project_name}",
        )
        # What a stack that failed to be made left behind would make the next one fail, by its name.
        group.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY)
