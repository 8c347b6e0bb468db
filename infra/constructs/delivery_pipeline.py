"""Delivers one stage by a CodePipeline: source, test, synth, deploy, upsert; by `buildspecs/` alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.arns import allow, service_here
from infra.constructs.bucket import PrivateBucket
from infra.constructs.build import ROLE_PATH, Build
from infra.constructs.dead_letters import DeadLetters
from infra.constructs.findings import accept

QUALIFIER = "hnb659fds"  # the CDK's own, of the roles and the bucket that its bootstrap makes
CDK_ROLES = ("deploy", "file-publishing", "lookup")
KEPT_FOR = Duration.days(30)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A branch behind a connection; `repository` is its full name, as `owner/name`."""

    connection_arn: str
    repository: str
    branch: str


class DeliveryPipeline(Construct):
    """Runs on each push to the branch, whether of code or of configuration: both are in the repository.

    `bucket_name` is that of its artefacts, CloudFormation's choice if None; `variables` are the builds' environment.
    `approve`: somebody must agree to what synth wrote before it is deployed.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        project_name: str,
        stage_name: str,
        source: Source,
        variables: Mapping[str, str],
        bucket_name: str | None = None,
        approve: bool = False,
    ) -> None:
        super().__init__(scope, name)
        self._prefix = f"sagemaker-{project_name}-{stage_name}"
        self._stacks = f"{project_name}-{stage_name}-*"
        self._variables = {"STAGE": stage_name, **variables}
        self._bucket = self._artifacts(bucket_name)
        upsert = self._build("upsert", self._describe())
        deploy = self._build("deploy", *self._deploy(), UPSERT_ROLE_NAME=upsert.role.role_name)
        builds = {"test": self._test(), "synth": self._build("synth"), "deploy": deploy, "upsert": upsert}
        stages = [_stage("Source", [_source_action(source)])]
        for key, build in builds.items():
            if approve and key == "deploy":
                stages.append(_stage("Approve", [_approval()]))
            stages.append(_stage(key.capitalize(), [_build_action(key, build)]))
        pipeline = codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=self._prefix,
            pipeline_type="V2",
            execution_mode="SUPERSEDED",
            role_arn=self._role(source, builds).role_arn,
            artifact_store=codepipeline.CfnPipeline.ArtifactStoreProperty(type="S3", location=self._bucket.bucket_name),
            stages=stages,
        )
        self._on_failure(pipeline)

    def _artifacts(self, bucket_name: str | None) -> s3.Bucket:
        bucket = PrivateBucket(
            self,
            "Artifacts",
            bucket_name=bucket_name,
            # CloudFormation deletes no bucket that has objects; what failed to be made leaves no name taken.
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=KEPT_FOR, abort_incomplete_multipart_upload_after=Duration.days(1))
            ],
        )
        reason = "Copies of the repository for 30 days, which this pipeline's roles alone read and write"
        accept(bucket, "S1", reason)
        return bucket

    def _test(self) -> Build:
        """Tests the code. It is told nothing: the tests read the repository's own configuration."""
        return Build(
            self, "Test", buildspec="test", project_name=f"{self._prefix}-test", artifacts=self._bucket, variables={}
        )

    def _build(self, key: str, *statements: iam.PolicyStatement, **variables: str) -> Build:
        return Build(
            self,
            key.capitalize(),
            buildspec=key,
            project_name=f"{self._prefix}-{key}",
            artifacts=self._bucket,
            variables=self._variables | variables,
            statements=statements,
        )

    def _describe(self) -> iam.PolicyStatement:
        """Lets `abtest` read the stacks' outputs, and what failed in them; the rest the CDK's roles do."""
        stacks = [
            Stack.of(self).format_arn(service="cloudformation", resource="stack", resource_name=f"{stack}/*")
            for stack in (self._stacks, "CDKToolkit")
        ]
        return allow(["cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"], *stacks)

    def _deploy(self) -> list[iam.PolicyStatement]:
        roles = [
            Stack.of(self).format_arn(
                service="iam",
                region="",
                resource="role",
                resource_name=f"cdk-{QUALIFIER}-{role}-role-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            )
            for role in CDK_ROLES
        ]
        neighbours = allow(["cloudformation:ListStacks"], "*")
        return [self._describe(), neighbours, allow(["sts:AssumeRole"], *roles)]

    def _role(self, source: Source, builds: Mapping[str, Build]) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=service_here("codepipeline.amazonaws.com"),
            path=ROLE_PATH,
        )
        # The service was renamed; the action's prefix must be that of the connection's ARN.
        use = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
        role.add_to_policy(allow(use, source.connection_arn))
        objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        role.add_to_policy(allow(objects, self._bucket.arn_for_objects("*")))
        look = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
        role.add_to_policy(allow(look, self._bucket.bucket_arn))
        run = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
        role.add_to_policy(allow(run, *(build.arn for build in builds.values())))
        return role

    def _on_failure(self, pipeline: codepipeline.CfnPipeline) -> None:
        """Sends an execution that fails to a queue, whose alarm stands until somebody has seen to it."""
        failures = DeadLetters(
            self, "Failures", what="An execution", verb=" of the pipeline failed", queue_name=f"{self._prefix}-failures"
        )
        events.Rule(
            self,
            "OnFailure",
            rule_name=f"{self._prefix}-failure",
            description="A failed delivery raises the alarm",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=["CodePipeline Pipeline Execution State Change"],
                detail={"pipeline": [pipeline.ref], "state": ["FAILED"]},
            ),
            targets=[targets.SqsQueue(failures.queue)],
        )


def _stage(name: str, actions: list[Any]) -> codepipeline.CfnPipeline.StageDeclarationProperty:
    return codepipeline.CfnPipeline.StageDeclarationProperty(name=name, actions=actions)


def _action(name: str, *kind: str, **rest: Any) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    category, owner, provider = kind
    kind_id = codepipeline.CfnPipeline.ActionTypeIdProperty(
        category=category, owner=owner, provider=provider, version="1"
    )
    return codepipeline.CfnPipeline.ActionDeclarationProperty(name=name, action_type_id=kind_id, **rest)


def _source_action(source: Source) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    return _action(
        "Source",
        *("Source", "AWS", "CodeStarSourceConnection"),
        configuration={
            "ConnectionArn": source.connection_arn,
            "FullRepositoryId": source.repository,
            "BranchName": source.branch,
            "DetectChanges": "true",
            "OutputArtifactFormat": "CODE_ZIP",
        },
        output_artifacts=[codepipeline.CfnPipeline.OutputArtifactProperty(name="Source")],
    )


def _build_action(key: str, build: Build) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    outputs = [codepipeline.CfnPipeline.OutputArtifactProperty(name="Templates")] if key == "synth" else None
    return _action(
        key.capitalize(),
        *("Build", "AWS", "CodeBuild"),
        configuration={"ProjectName": build.project_name},
        input_artifacts=[codepipeline.CfnPipeline.InputArtifactProperty(name="Source")],
        output_artifacts=outputs,
    )


def _approval() -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    text = "The artefact Templates of the stage Synth is what will be deployed."
    return _action("Approve", "Approval", "AWS", "Manual", configuration={"CustomData": text})
