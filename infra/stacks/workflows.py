"""The state machines, their functions, and what starts them."""

from pathlib import Path

from aws_cdk import ArnFormat, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

import workflows
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
from infra.constructs.state_machine import Workflow
from infra.constructs.triggers import OnAlarm, OnApproval, OnDecision, OnSchedule

READ = "dynamodb:GetItem"
READ_WRITE = (READ, "dynamodb:PutItem")
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
        self,
        handler: str,
        environment: type,
        *statements: iam.PolicyStatement,
        timeout_seconds: int = 60,
        memory_mebibytes: int = 512,
    ) -> str:
        name = "".join(word.capitalize() for word in handler.split("_"))
        variables = self._resources.environment(environment)
        return HandlerFunction(
            self,
            name,
            handler=handler,
            code=self._code,
            environment=variables,
            statements=statements,
            timeout_seconds=timeout_seconds,
            memory_mebibytes=memory_mebibytes,
        ).arn

    def _build_endpoint(self) -> Workflow:
        table = self._resources.experiments.table_arn
        functions = {
            "AcquireLease": self._function("acquire_lease", EndpointEnvironment, allow(READ_WRITE, table)),
            "SelectVariants": self._function(
                "select_variants",
                SelectionEnvironment,
                allow([READ, "dynamodb:DeleteItem"], table),
                allow(["sagemaker:ListModelPackages"], *self._packages()),
            ),
            "SetAlarms": self._function("set_alarms", AlarmEnvironment, *self._watch()),
            "RegisterExperiment": self._function(
                "register_experiment",
                ExperimentEnvironment,
                allow([*READ_WRITE, "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"], table),
            ),
            "CleanUp": self._function(
                "clean_up", EndpointEnvironment, allow(READ_WRITE, table), *self._clean_up_statements()
            ),
            "CompareShadow": self._function(
                "compare_shadow",
                ShadowEnvironment,
                allow([*READ_WRITE, "dynamodb:DeleteItem"], table),
                *self._compare(),
                timeout_seconds=600,
                memory_mebibytes=1024,
            ),
            "ReleaseLease": self._function("release_lease", EndpointEnvironment, allow(READ_WRITE, table)),
        }
        return Workflow(
            self,
            "BuildEndpoint",
            machine_name=f"{self._resources.config.prefix}-build-endpoint",
            definition=definition("build_endpoint"),
            functions=functions,
            values={
                "EndpointName": self._resources.config.endpoint_name,
                "ModelExecutionRoleArn": self._resources.model_role_arn,
            },
            statements=self._build_endpoint_statements(),
        )

    def _compare(self) -> list[iam.PolicyStatement]:
        """Reading what a shadow answered, whether it is still approved, and rejecting it."""
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
        """Making and removing the alarms of the endpoint's variants."""
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
            handler="take_out",
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
        """May look at every endpoint of the account: what one of them uses must stay."""
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
        functions = {
            "CountEvents": self._function(
                "count_events",
                CountingEnvironment,
                allow([READ, "dynamodb:Query"], table),
                allow(["dynamodb:Query", "dynamodb:DeleteItem"], self._resources.assignments.table_arn),
                allow(["firehose:PutRecord"], self._resources.stream_arn),
                *read_events(self._resources.bucket),
                timeout_seconds=900,
                memory_mebibytes=3008,  # about 150 bytes an event, so 15 million; and a whole processor
            ),
            # A whole processor: ten variants over a year of intervals take it about a minute.
            "Decide": self._function(
                "decide",
                DecidingEnvironment,
                allow(["s3:GetObject"], self._resources.bucket.arn_for_objects("evidence/*")),
                timeout_seconds=300,
                memory_mebibytes=1769,
            ),
            "RecordDecision": self._function("record_decision", RecordingEnvironment, allow(READ_WRITE, table)),
        }
        endpoints = sagemaker_arn(self, "endpoint", f"{self._resources.config.endpoint_prefix}*")
        bus = self.format_arn(service="events", resource="event-bus", resource_name="default")
        return Workflow(
            self,
            "Rebalance",
            machine_name=f"{self._resources.config.prefix}-rebalance",
            definition=definition("rebalance"),
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
            machine_name=f"{self._resources.config.prefix}-rebalance-all",
            definition=definition("rebalance_all"),
            functions={"ListEndpoints": self._function("list_endpoints", EndpointEnvironment, read)},
            values={"RebalanceStateMachineArn": rebalance_arn},
            statements=[allow(["states:StartExecution"], rebalance_arn)],
        )

    def _promote(self) -> Workflow:
        """Only where the stage promotes automatically: elsewhere nothing but a person may register a champion."""
        champions = self._resources.group_names[0]
        function = self._function(
            "promote",
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
            machine_name=f"{self._resources.config.prefix}-promote",
            definition=definition("promote"),
            functions={"Promote": function},
            values={},
            statements=[],
        )


def definition(name: str) -> str:
    """The committed definition of the machine."""
    return (Path(workflows.__file__).parent / f"{name}.asl.json").read_text()


def read_events(bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """Reading events, keeping what was read together, and aside the lines that cannot be read; and their counts."""
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
