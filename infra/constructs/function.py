"""Makes one Lambda function for each handler file; all share one asset, which `abtest deploy` fills."""

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.arns import allow
from infra.constructs.findings import accept


class HandlerFunction(Construct):
    """The handler file of its name: `TakeOut` runs abtest/handlers/take_out.py.

    It may do what `statements` say, write its own log and traces, nothing else.
    It runs on x86_64, as the machines on which the asset is built and tested, and for which every wheel exists.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement] = (),
        timeout_seconds: int = 30,
        memory_mebibytes: int = 512,
    ) -> None:
        super().__init__(scope, name)
        file = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        log_group = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        role.add_to_policy(allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn))
        for statement in statements:
            role.add_to_policy(statement)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            architecture=lambda_.Architecture.X86_64,
            handler=f"abtest.handlers.{file}.handler",
            code=code,
            environment=dict(environment),
            role=role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mebibytes,
        )
        self.arn = self.function.function_arn
        accept(self.function, "L1", "Python 3.12 is what the asset's wheels are built, tested and locked for")
