"""Deploys the state machines, their functions, and what starts them."""

from pathlib import Path

from aws_cdk import ArnFormat, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from abtest.experiment.record.config import AUTOMATIC
from abtest.experiment.record.function_environments import (
    AlarmEnvironment,
    CountingEnvironment,
    DecidingEnvironment,
    EndpointEnvironment,
    ExperimentEnvironment,
    PromotionEnvironment,
    RecordingEnvironment,
    SelectionEnvironment,
    ShadowEnvironment,
    TakeOutEnvironment,
)
from infra.constructs.adoption import Adoption
from infra.constructs.arns import allow, pass_role, sagemaker_arn
from infra.constructs.function import HandlerFunction
from infra.constructs.pipeline_roles import SERVING
from infra.constructs.resources import Resources
from infra.constructs.sagemaker_role import pull_images
from infra.constructs.state_machine import MACHINES, Workflow, seconds_of
from infra.constructs.triggers import OnAlarm, OnApproval, OnDecision, OnSchedule

READ = "dynamodb:GetItem"
READ_WRITE = (READ, "dynamodb:PutItem")
SECONDS = {function: seconds for machine in MACHINES for function, seconds in seconds_of(machine).items()}
DIGEST = "?" * 12  # ends the name of an endpoint config: that of another endpoint is longer


class WorkflowsStack(Stack):
    def __init__(self, scope: Construct, name: str, *, asset: Path, resources: Resources, keep: bool) -> None:
        super().__init__(scope, name, termination_protection=keep)
        self._code = lambda_.Code.from_asset(str(asset))
        self._resources = resources
        build_endpoint = self._build_endpoint()
        rebalance = self._rebalance()
        OnApproval(self, "OnApproval", group_names=resources.group_names, machine=build_endpoint.machine)
        Adoption(self, "Adoption", code=self._code, resources=resources)
        minutes = resources.config.rebalance_schedule_minutes
        rebalance_all = self._rebalance_all(rebalance.arn)
        if minutes is not None:
            OnSchedule(self, "OnSchedule", minutes=minutes, machine=rebalance_all.machine)
        if resources.config.promotion == AUTOMATIC:
            machine = self._promote().machine
            OnDecision(self, "OnDecision", endpoint_name=resources.config.endpoint_name, machine=machine)
        self._breaker(rebalance)
        CfnOutput(self, "EndpointName", value=resources.config.endpoint_name)
        CfnOutput(self, "BuildEndpointStateMachineArn", value=build_endpoint.arn)
        CfnOutput(self, "RebalanceStateMachineArn", value=rebalance.arn)

    def _function(
        self, name: str, environment: type, *statements: iam.PolicyStatement, memory_mebibytes: int = 512
    ) -> HandlerFunction:
        """Calls of the function are given as long as the states wait that call it."""
        return HandlerFunction(
            self,
            name,
            code=self._code,
            environment=self._resources.environment(environment),
            statements=statements,
            timeout_seconds=SECONDS[name],
            memory_mebibytes=memory_mebibytes,
        )

    def _build_endpoint(self) -> Workflow:
        table = self._resources.experiments.table_arn
        functions = [
            self._function("AcquireLease", EndpointEnvironment, allow(READ_WRITE, table)),
            self._function(
                "SelectVariants",
                SelectionEnvironment,
                allow([READ, "dynamodb:DeleteItem"], table),
                allow(["sagemaker:ListModelPackages"], *self._packages()),
            ),
            self._function("SetAlarms", AlarmEnvironment, *self._watch()),
            self._function(
                "RegisterExperiment",
                ExperimentEnvironment,
                allow([*READ_WRITE, "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"], table),
            ),
            self._function("CleanUp", EndpointEnvironment, allow(READ_WRITE, table), *self._clean_up_statements()),
            self._function(
                "CompareShadow",
                ShadowEnvironment,
                allow([*READ_WRITE, "dynamodb:DeleteItem"], table),
                *self._compare(),
                memory_mebibytes=1024,
            ),
            self._function("ReleaseLease", EndpointEnvironment, allow(READ_WRITE, table)),
        ]
        return Workflow(
            self,
            "BuildEndpoint",
            prefix=self._resources.config.prefix,
            machine="build_endpoint",
            functions=functions,
            values={
                "EndpointName": self._resources.config.endpoint_name,
                "ModelExecutionRoleArn": self._resources.model_role_arn,
            },
            statements=self._build_endpoint_statements(),
        )

    def _compare(self) -> list[iam.PolicyStatement]:
        """Allows reading what a shadow answered and whether it is still approved, and rejecting it."""
        bucket, challengers = self._resources.bucket, f"{self._resources.group_names[1]}/*"
        return [
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": ["captures/*"]}},
            ),
            allow(["s3:GetObject"], bucket.arn_for_objects("captures/*")),
            allow(["cloudwatch:GetMetricStatistics"], "*"),
            allow(
                ["sagemaker:ListModelPackages", "sagemaker:UpdateModelPackage"],
                sagemaker_arn(self, "model-package", challengers),
            ),
        ]

    def _watch(self) -> list[iam.PolicyStatement]:
        """Allows making and removing the alarms of the endpoint's variants."""
        name = f"{self._resources.config.endpoint_name}/*"
        alarms = self.format_arn(
            service="cloudwatch", resource="alarm", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        return [
            allow(["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"], alarms),
            allow(["cloudwatch:DescribeAlarms"], "*"),
        ]

    def _breaker(self, rebalance: Workflow) -> None:
        """Takes a variant out when its alarm rises."""
        variables = self._resources.environment(TakeOutEnvironment, rebalance_state_machine_arn=rebalance.arn)
        function = HandlerFunction(
            self,
            "TakeOut",
            code=self._code,
            environment=variables,
            statements=[
                allow(READ_WRITE, self._resources.experiments.table_arn),
                allow(["states:StartExecution"], rebalance.arn),
            ],
            timeout_seconds=60,
        )
        OnAlarm(self, "OnAlarm", endpoint_name=self._resources.config.endpoint_name, function=function.function)

    def _packages(self) -> list[str]:
        return [sagemaker_arn(self, "model-package", f"{group}/*") for group in self._resources.group_names]

    def _clean_up_statements(self) -> list[iam.PolicyStatement]:
        """Allows looking at every endpoint of the account: what one of them uses must stay."""
        return [
            allow(["sagemaker:ListEndpoints", "sagemaker:ListEndpointConfigs"], "*"),
            allow(["sagemaker:DescribeEndpoint"], sagemaker_arn(self, "endpoint", "*")),
            allow(["sagemaker:DescribeEndpointConfig"], sagemaker_arn(self, "endpoint-config", "*")),
            allow(["sagemaker:DeleteEndpointConfig"], self._endpoint_configs()),
            allow(["sagemaker:DeleteModel"], self._models()),
        ]

    def _endpoint_configs(self) -> str:
        return sagemaker_arn(self, "endpoint-config", f"{self._resources.config.endpoint_name}-{DIGEST}")

    def _models(self) -> str:
        return sagemaker_arn(self, "model", f"{self._resources.config.prefix}-*")

    def _build_endpoint_statements(self) -> list[iam.PolicyStatement]:
        endpoint = sagemaker_arn(self, "endpoint", self._resources.config.endpoint_name)
        endpoint_configs, models = self._endpoint_configs(), self._models()
        return [
            allow(["sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint"], endpoint),
            allow(["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"], endpoint, endpoint_configs),
            allow(["sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"], endpoint_configs),
            allow(["sagemaker:CreateModel"], models, *self._packages()),
            allow(["sagemaker:DescribeModel"], models),
            pass_role(self._resources.model_role_arn),
        ]

    def _rebalance(self) -> Workflow:
        table = self._resources.experiments.table_arn
        functions = [
            self._function(
                "CountEvents",
                CountingEnvironment,
                allow([READ, "dynamodb:Query"], table),
                allow(["dynamodb:Query", "dynamodb:DeleteItem"], self._resources.assignments.table_arn),
                allow(["firehose:PutRecord"], self._resources.stream_arn),
                *read_events(self._resources.bucket),
                memory_mebibytes=3008,  # about 150 bytes an event, so 15 million; and a whole processor
            ),
            # A whole processor: ten variants over a year of intervals take it about a minute.
            self._function(
                "Decide",
                DecidingEnvironment,
                allow(["s3:GetObject"], self._resources.bucket.arn_for_objects("evidence/*")),
                memory_mebibytes=1769,
            ),
            self._function("RecordDecision", RecordingEnvironment, allow(READ_WRITE, table)),
        ]
        endpoints = sagemaker_arn(self, "endpoint", f"{self._resources.config.endpoint_prefix}*")
        bus = self.format_arn(service="events", resource="event-bus", resource_name="default")
        return Workflow(
            self,
            "Rebalance",
            prefix=self._resources.config.prefix,
            machine="rebalance",
            functions=functions,
            values={},
            statements=[
                allow(["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], endpoints),
                allow(["events:PutEvents"], bus),
            ],
        )

    def _rebalance_all(self, rebalance_arn: str) -> Workflow:
        read = allow(["dynamodb:Query"], self._resources.experiments.table_arn)
        return Workflow(
            self,
            "RebalanceAll",
            prefix=self._resources.config.prefix,
            machine="rebalance_all",
            functions=[self._function("ListEndpoints", EndpointEnvironment, read)],
            values={"RebalanceStateMachineArn": rebalance_arn},
            statements=[allow(["states:StartExecution"], rebalance_arn)],
        )

    def _promote(self) -> Workflow:
        """Promotes where the stage does so automatically: elsewhere only a person may register a champion."""
        champions = self._resources.group_names[0]
        function = self._function(
            "Promote",
            PromotionEnvironment,
            allow([READ], self._resources.experiments.table_arn),
            allow(["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"], *self._packages()),
            allow(
                ["sagemaker:CreateModelPackage"],
                sagemaker_arn(self, "model-package-group", champions),
                sagemaker_arn(self, "model-package", f"{champions}/*"),
            ),
            # SageMaker looks at what a package names with the rights of whoever registers it.
            allow(["s3:GetObject"], *(self._resources.bucket.arn_for_objects(f"{p}/*") for p in ("models", "runs"))),
            pull_images(self, *SERVING),
        )
        return Workflow(
            self,
            "Promotion",
            prefix=self._resources.config.prefix,
            machine="promote",
            functions=[function],
            values={},
            statements=[],
        )


def read_events(bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """Allows reading events, keeping what was read, setting aside unreadable lines, and keeping their counts."""
    return [
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": ["events/*", "checkpoints/*"]}},
        ),
        allow(["s3:GetObject"], bucket.arn_for_objects("events/*")),
        allow(["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects("checkpoints/*")),
        allow(["s3:PutObject"], bucket.arn_for_objects("quarantine/*"), bucket.arn_for_objects("evidence/*")),
    ]
