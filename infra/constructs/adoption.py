"""Lets any endpoint of the project with several variants take part: events register and retire it."""

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from abtest.experiment.record.function_environments import ExperimentEnvironment
from infra.constructs.arns import allow, sagemaker_arn
from infra.constructs.function import HandlerFunction
from infra.constructs.resources import Resources
from infra.constructs.triggers import calls

TABLE = ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query")


class Adoption(Construct):
    """Follows the changes of endpoints by a function, and the rule that calls it."""

    def __init__(self, scope: Construct, name: str, *, code: lambda_.Code, resources: Resources) -> None:
        super().__init__(scope, name)
        prefix = resources.config.endpoint_prefix
        function = HandlerFunction(
            self,
            "EndpointChanged",
            code=code,
            environment=resources.environment(ExperimentEnvironment),
            statements=[
                allow([f"dynamodb:{action}" for action in TABLE], resources.experiments.table_arn),
                allow(
                    ["sagemaker:DescribeEndpoint", "sagemaker:ListTags"], sagemaker_arn(self, "endpoint", f"{prefix}*")
                ),
                allow(["sagemaker:DescribeEndpointConfig"], sagemaker_arn(self, "endpoint-config", "*")),
                allow(["sagemaker:DescribeModel"], sagemaker_arn(self, "model", "*")),
            ],
            timeout_seconds=60,
        ).function
        calls(
            self,
            function,
            what="the event of an endpoint",
            description="An endpoint that came into service, or goes, is registered or retired",
            pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Endpoint State Change"],
                detail={"EndpointName": [{"prefix": prefix}], "EndpointStatus": ["IN_SERVICE", "DELETING"]},
            ),
        )
