"""Offers the project template in Studio: by a Service Catalog product, and a bucket for the S3 template provider."""

from aws_cdk import CfnOutput, CfnParameter, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_servicecatalog as servicecatalog
from constructs import Construct

from infra.constructs.arns import allow, pass_role
from infra.constructs.bucket import PrivateBucket
from infra.constructs.findings import accept
from infra.constructs.launch_role import LaunchRole
from infra.stacks.project import ProjectProduct

VERSION = "1"  # of the product; a change of the template needs the next one
OWNER = "Machine learning operations"
PREFIX = "templates/"


class PortfolioStack(Stack):
    """Deployed once an account and region; `StudioRoleArn` is the role of those who may create projects."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        studio = CfnParameter(
            self,
            "StudioRoleArn",
            description="The execution role of Studio's users who may create projects.",
            allowed_pattern="^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$",
        )
        launch_role = LaunchRole(self, "LaunchRole")
        self._product(launch_role, iam.Role.from_role_arn(self, "StudioRole", studio.value_as_string, mutable=False))
        bucket = self._bucket(studio.value_as_string)
        CfnOutput(self, "LaunchRoleArn", value=launch_role.role_arn)
        CfnOutput(self, "StudioPolicyArn", value=self._studio_policy(launch_role).managed_policy_arn)
        CfnOutput(self, "TemplatesBucketName", value=bucket.bucket_name)

    def _product(self, launch_role: iam.IRole, studio: iam.IRole) -> None:
        portfolio = servicecatalog.Portfolio(self, "Portfolio", display_name="A/B tests of models", provider_name=OWNER)
        product = servicecatalog.CloudFormationProduct(
            self,
            "Product",
            product_name="A/B test",
            owner=OWNER,
            description="Champion and challengers on one endpoint, from training to the decision",
            product_versions=[
                servicecatalog.CloudFormationProductVersion(
                    product_version_name=VERSION,
                    cloud_formation_template=servicecatalog.CloudFormationTemplate.from_product_stack(
                        ProjectProduct(self, "Project")
                    ),
                )
            ],
        )
        Tags.of(product).add("sagemaker:studio-visibility", "true")
        portfolio.add_product(product)
        portfolio.give_access_to_role(studio)
        portfolio.set_launch_role(product, launch_role)

    def _studio_policy(self, launch_role: iam.IRole) -> iam.ManagedPolicy:
        """Makes a policy to be attached to Studio's role, of which only the ARN is known here.

        The S3 template provider makes a project's stack, `SP-...`, with the rights of its user.
        """
        stacks = self.format_arn(service="cloudformation", resource="stack", resource_name="SP-*")
        verbs = ("CreateStack", "DeleteStack", "DescribeStacks", "UpdateStack")
        tagging = iam.PolicyStatement(
            actions=["cloudformation:TagResource", "cloudformation:UntagResource"],
            resources=[stacks],
            conditions={"Null": {"aws:ResourceTag/sagemaker:project-name": "false"}},
        )
        return iam.ManagedPolicy(
            self,
            "StudioPolicy",
            description="Creating SageMaker projects from templates in S3",
            statements=[
                allow([f"cloudformation:{verb}" for verb in verbs], stacks),
                tagging,
                pass_role(launch_role.role_arn, service="cloudformation.amazonaws.com"),
            ],
        )

    def _bucket(self, studio_role_arn: str) -> s3.Bucket:
        """Makes the templates' bucket. Studio lists the objects and reads their tags in the browser, hence CORS."""
        bucket = PrivateBucket(
            self,
            "Templates",
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN,  # projects made from a template name it
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                    allowed_origins=["https://*.sagemaker.aws"],
                    allowed_headers=["*"],
                    exposed_headers=["ETag", "x-amz-version-id"],
                )
            ],
        )
        reader = iam.ArnPrincipal(studio_role_arn)
        for statement in (
            allow(["s3:GetObject", "s3:GetObjectTagging"], bucket.arn_for_objects(f"{PREFIX}*")),
            allow(["s3:GetBucketCORS", "s3:GetBucketLocation", "s3:ListBucket"], bucket.bucket_arn),
        ):
            statement.add_principals(reader)
            bucket.add_to_resource_policy(statement)
        accept(bucket, "S1", "Templates, which are no secret; versions keep what was there")
        return bucket
