"""Deploys the API: /invocation, /conversion, /stats."""

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from abtest.experiment.record.function_environments import ApiEnvironment, StatsEnvironment
from infra.constructs.arns import allow, sagemaker_arn
from infra.constructs.function import HandlerFunction
from infra.constructs.resources import Resources
from infra.constructs.rest_api import RestApi

TIMEOUT_SECONDS = 29  # API Gateway waits no longer


class ApiStack(Stack):
    def __init__(self, scope: Construct, name: str, *, asset: Path, resources: Resources, keep: bool) -> None:
        super().__init__(scope, name, termination_protection=keep)
        code = lambda_.Code.from_asset(str(asset))
        endpoints = sagemaker_arn(self, "endpoint", f"{resources.config.endpoint_prefix}*")
        experiments = allow(["dynamodb:GetItem"], resources.experiments.table_arn)
        put = allow(["firehose:PutRecord"], resources.stream_arn)
        assignments = [f"dynamodb:{verb}" for verb in ("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")]
        assign = allow(assignments, resources.assignments.table_arn)
        invoke = allow(["sagemaker:InvokeEndpoint"], endpoints)
        api = RestApi(self, "Api", config=resources.config)
        for route, environment, statements in (
            ("invocation", ApiEnvironment, [experiments, assign, put, invoke]),
            ("conversion", ApiEnvironment, [experiments, assign, put]),
            ("stats", StatsEnvironment, [experiments]),
        ):
            function = HandlerFunction(
                self,
                route.capitalize(),
                code=code,
                environment=resources.environment(environment),
                statements=statements,
                timeout_seconds=TIMEOUT_SECONDS,
            )
            api.route(route, function.function)
        CfnOutput(self, "ApiEndpoint", value=api.url)
