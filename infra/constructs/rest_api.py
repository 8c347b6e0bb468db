"""Makes the REST API in front of the route functions."""

from aws_cdk import Annotations
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from abtest.experiment.record.config import ExperimentConfig
from infra.constructs.findings import accept

REQUESTS_PER_SECOND = 500
BURST_REQUESTS = 1000

# API Gateway's own refusals, by the codes that abtest/handlers/errors.py uses.
CODES = {
    "ACCESS_DENIED": "Forbidden",
    "DEFAULT_4XX": "Refused",
    "DEFAULT_5XX": "InternalError",
    "EXPIRED_TOKEN": "Forbidden",
    "INTEGRATION_FAILURE": "ServiceUnavailable",
    "INTEGRATION_TIMEOUT": "ServiceUnavailable",
    "INVALID_SIGNATURE": "Forbidden",
    "MISSING_AUTHENTICATION_TOKEN": "Forbidden",
    "QUOTA_EXCEEDED": "TooManyRequests",
    "REQUEST_TOO_LARGE": "PayloadTooLarge",
    "THROTTLED": "TooManyRequests",
}

ACCEPTED = {
    "APIG1": "Access logs need a role for the whole account, which is not one API's to set; the functions log requests",
    "APIG2": "The functions check each field, and answer as their contract says which one is wrong",
    "APIG3": "Callers sign with SigV4, and requests are throttled; a firewall is the account's choice",
    "APIG6": "As APIG1",
    "COG4": "Callers are applications with roles (AWS_IAM), not people with a user pool",
}


class RestApi(apigateway.RestApi):
    """POST routes to functions; callers sign with SigV4 unless the stage says `none`.

    API Gateway's own refusals have the same shape as the functions'. Needs no account-wide CloudWatch role.
    """

    def __init__(self, scope: Construct, name: str, *, config: ExperimentConfig) -> None:
        self._authorization = (
            apigateway.AuthorizationType.NONE if config.authentication == "none" else apigateway.AuthorizationType.IAM
        )
        super().__init__(
            scope,
            name,
            rest_api_name=config.prefix,
            description=f"A/B test on {config.endpoint_name}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=config.stage_name,
                throttling_rate_limit=REQUESTS_PER_SECOND,
                throttling_burst_limit=BURST_REQUESTS,
                tracing_enabled=True,
            ),
        )
        for warning in config.warnings:
            Annotations.of(self).add_warning_v2("abtest:authentication", warning)
        self.node.try_remove_child("Endpoint")  # an output of the CDK's own; the stack has ours
        for rule, reason in ACCEPTED.items():
            accept(self, rule, reason)
        for kind, code in CODES.items():
            self.add_gateway_response(
                kind,
                type=apigateway.ResponseType.of(kind),
                templates={
                    "application/json": f'{{"error": {{"code": "{code}", "message": $context.error.messageString}}}}'
                },
            )

    def route(self, path: str, function: lambda_.IFunction) -> None:
        """Sends POST /`path` to the function."""
        self.root.add_resource(path).add_method(
            "POST",
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            authorization_type=self._authorization,
        )
