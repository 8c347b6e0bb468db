"""What training needs: the two series of model packages, and the roles of pipeline and models."""

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs.pipeline_roles import ModelExecutionRole, PipelineRole


class TrainingStack(Stack):
    """The pipeline itself is upserted by `abtest pipeline upsert`: its code changes more often than its stack."""

    def __init__(
        self, scope: Construct, name: str, *, project_name: str, pipeline_name: str, bucket: s3.IBucket, keep: bool
    ) -> None:
        super().__init__(scope, name, termination_protection=keep)
        self.group_names = (f"{project_name}-champion", f"{project_name}-challenger")
        for role, group_name in zip(("Champion", "Challenger"), self.group_names, strict=True):
            group = sagemaker.CfnModelPackageGroup(
                self,
                f"{role}Group",
                model_package_group_name=group_name,
                model_package_group_description=f"{role}s of {project_name}",
            )
            group.apply_removal_policy(RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY)
            CfnOutput(self, f"{role}GroupName", value=group_name)
        self.model_role = ModelExecutionRole(self, "ModelExecutionRole", bucket=bucket)
        pipeline_role = PipelineRole(
            self, "PipelineRole", bucket=bucket, group_names=self.group_names, model_role=self.model_role
        )
        CfnOutput(self, "PipelineName", value=pipeline_name)
        CfnOutput(self, "PipelineRoleArn", value=pipeline_role.role_arn)
        CfnOutput(self, "ModelExecutionRoleArn", value=self.model_role.role_arn)
