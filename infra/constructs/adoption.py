"""Any endpoint of the project with several variants can take part: events register and retire it."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from infra.constructs.arns import allow, sagemaker_arn
from infra.constructs.dead_letters import DeadLetters
from infra.constructs.environment import Resources
from infra.constructs.function import HandlerFunction
from infra.constructs.triggers import OLDEST_EVENT, RETRIES

TABLE = ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query")
FAILURES = 2  # further attempts of the function; then the event is in the queue, with the reason


class Adoption(Construct):
    """The function that follows the changes of endpoints, and the rule that calls it."""

    def __init__(self, scope: Construct, name: str, *, code: lambda_.Code, resources: Resources) -> None:
        super().__init__(scope, name)
        prefix = f"sagemaker-{resources.config.project_name}-"
        function = HandlerFunction(
            self,
            "EndpointChanged",
            handler="endpoint_changed",
            code=code,
            environment=resources.environment("EXPERIMENT_CONFIG", "EXPERIMENTS_TABLE_NAME"),
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
        lost = DeadLetters(self, "Lost", what="the event of an endpoint", verb=" could not be followed")
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(lost.queue), retry_attempts=FAILURES, max_event_age=OLDEST_EVENT
        )
        events.Rule(
            self,
            "Rule",
            description="An endpoint that came into service, or goes, is registered or retired",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Endpoint State Change"],
                detail={"EndpointName": [{"prefix": prefix}], "EndpointStatus": ["IN_SERVICE", "DELETING"]},
            ),
            targets=[
                targets.LambdaFunction(
                    function, dead_letter_queue=lost.queue, retry_attempts=RETRIES, max_event_age=OLDEST_EVENT
                )
            ],
        )
