"""SageMaker's roles share this: pulling the two public images, writing logs and metrics."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.arns import allow, service_here

IMAGES = ("blazingtext", "sagemaker-scikit-learn")


def pull_images(scope: Construct, *names: str) -> iam.PolicyStatement:
    """Allows reading images that AWS publishes in each region, in accounts that differ by region."""
    stack = Stack.of(scope)
    repositories = [
        stack.format_arn(service="ecr", account="*", resource="repository", resource_name=name) for name in names
    ]
    return allow(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], *repositories)


class SageMakerRole(iam.Role):
    """A role that SageMaker assumes for this account; `images` are repositories that AWS publishes in each region."""

    def __init__(self, scope: Construct, name: str, *, images: tuple[str, ...] = IMAGES) -> None:
        super().__init__(
            scope,
            name,
            assumed_by=service_here("sagemaker.amazonaws.com"),
        )
        self.add_to_policy(pull_images(self, *images))
        self.add_to_policy(allow(["ecr:GetAuthorizationToken"], "*"))
        self._logs()

    def _logs(self) -> None:
        stack = Stack.of(self)
        group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        write = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        self.add_to_policy(allow(write, group))
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )
