"""Makes a CodeBuild project that runs one of `buildspecs/`."""

from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.arns import allow, service_here
from infra.constructs.findings import accept

ROLE_PATH = "/abtest/"  # of the roles of delivery: what may create them may create no others
MINUTES = 60  # after which a build is ended


class Build(Construct):
    """Runs `buildspecs/{buildspec}.yml` on what the pipeline hands it; may do what `statements` say, and log.

    Of CloudFormation's own resources, since the CDK's project would let it write every log and report of that name.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        buildspec: str,
        project_name: str,
        artifacts: s3.IBucket,
        variables: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement] = (),
    ) -> None:
        super().__init__(scope, name)
        self.project_name = project_name
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/codebuild/{project_name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=service_here("codebuild.amazonaws.com"),
            path=ROLE_PATH,
        )
        self.role.add_to_policy(allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn))
        objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        self.role.add_to_policy(allow(objects, artifacts.arn_for_objects("*")))
        self.role.add_to_policy(allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], artifacts.bucket_arn))
        for statement in statements:
            self.role.add_to_policy(statement)
        project = self._project(buildspec, log_group, variables)
        self.arn = project.attr_arn

    def _project(self, buildspec: str, log_group: logs.ILogGroup, variables: Mapping[str, str]) -> codebuild.CfnProject:
        parts = codebuild.CfnProject
        project = codebuild.CfnProject(
            self,
            "Project",
            name=self.project_name,
            artifacts=parts.ArtifactsProperty(type="CODEPIPELINE"),
            source=parts.SourceProperty(type="CODEPIPELINE", build_spec=f"buildspecs/{buildspec}.yml"),
            environment=parts.EnvironmentProperty(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_MEDIUM",
                image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
                environment_variables=[
                    parts.EnvironmentVariableProperty(name=key, value=value) for key, value in variables.items()
                ],
            ),
            logs_config=parts.LogsConfigProperty(
                cloud_watch_logs=parts.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=log_group.log_group_name
                )
            ),
            service_role=self.role.role_arn,
            timeout_in_minutes=MINUTES,
        )
        reason = "The pipeline encrypts its artefacts with the account's S3 key; a build keeps nothing of its own"
        accept(project, "CB4", reason)
        accept(project, "CloudFormation-Validate::E3050", "The template has GetAtt, which the check takes for Ref")
        return project
