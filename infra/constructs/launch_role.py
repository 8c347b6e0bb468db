"""Makes the role that provisions projects, so that those who create them need none of its rights."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.arns import allow, pass_role
from infra.constructs.build import ROLE_PATH

# What the project template is made of: service, its resources, and the verbs of CloudFormation's handlers, which read
# a resource after they made it, all of it, and fail where they may not.
RESOURCES = (
    (
        "codebuild",
        ("project/sagemaker-*",),
        ("BatchGetProjects", "CreateProject", "DeleteProject", "UpdateProject"),
    ),
    (
        "codepipeline",
        ("sagemaker-*",),
        (
            *("CreatePipeline", "DeletePipeline", "GetPipeline", "GetPipelineState", "ListTagsForResource"),
            *("TagResource", "UntagResource", "UpdatePipeline"),
        ),
    ),
    (
        "events",
        ("rule/sagemaker-*",),
        (
            *("DeleteRule", "DescribeRule", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets"),
            *("ListTagsForResource", "TagResource", "UntagResource"),
        ),
    ),
    (
        "sqs",
        ("sagemaker-*",),
        (
            *("CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags"),
            *("SetQueueAttributes", "TagQueue", "UntagQueue"),
        ),
    ),
    (
        "cloudwatch",
        ("alarm:sagemaker-*",),
        ("DeleteAlarms", "DescribeAlarms", "ListTagsForResource", "PutMetricAlarm", "TagResource", "UntagResource"),
    ),
    (
        "logs",
        ("log-group:/aws/codebuild/sagemaker-*",),
        (
            *("CreateLogGroup", "DeleteLogGroup", "GetDataProtectionPolicy", "ListTagsForResource"),
            *("PutRetentionPolicy", "TagResource", "UntagResource"),
        ),
    ),
    (
        "sagemaker",
        ("code-repository/sagemaker-*", "model-package-group/*-champion", "model-package-group/*-challenger"),
        (
            *("AddTags", "CreateCodeRepository", "CreateModelPackageGroup", "DeleteCodeRepository", "DeleteTags"),
            *("DeleteModelPackageGroup", "DeleteModelPackageGroupPolicy", "DescribeCodeRepository"),
            *("DescribeModelPackageGroup", "GetModelPackageGroupPolicy", "ListTags", "UpdateCodeRepository"),
        ),
    ),
)
ROLE_VERBS = (
    *("CreateRole", "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies"),
    *("ListRolePolicies", "PutRolePolicy", "TagRole", "UntagRole", "UpdateAssumeRolePolicy"),
)
BUCKET_VERBS = (
    *("CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "ListBucket", "PutBucketOwnershipControls"),
    *("PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutEncryptionConfiguration"),
    *("PutLifecycleConfiguration", "GetAccelerateConfiguration", "GetAnalyticsConfiguration", "GetBucketAcl"),
    *("GetBucketCORS", "GetBucketLogging", "GetBucketMetadataTableConfiguration", "GetBucketNotification"),
    *("GetBucketObjectLockConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy"),
    *("GetBucketPublicAccessBlock", "GetBucketTagging", "GetBucketVersioning", "GetBucketWebsite"),
    *("GetEncryptionConfiguration", "GetIntelligentTieringConfiguration", "GetInventoryConfiguration"),
    *("GetLifecycleConfiguration", "GetMetricsConfiguration", "GetReplicationConfiguration"),
)
STACK_VERBS = (
    *("CreateStack", "DeleteStack", "DescribeStackEvents", "DescribeStacks", "SetStackPolicy", "UpdateStack"),
)


class LaunchRole(iam.Role):
    """A role that the Service Catalog (launch constraint) or CloudFormation (S3 template provider) assumes.

    It can create what the project template holds, by name or path, and pass roles of that path to its two services.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(
            scope,
            name,
            assumed_by=iam.CompositePrincipal(
                iam.ServicePrincipal("servicecatalog.amazonaws.com"),
                iam.ServicePrincipal("cloudformation.amazonaws.com"),
            ),
            description="Provisions SageMaker projects",
        )
        self._stacks()
        self._roles()
        for service, nouns, verbs in RESOURCES:
            arns = [f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{noun}" for noun in nouns]
            self.add_to_policy(allow([f"{service}:{verb}" for verb in verbs], *arns))
        bucket = f"arn:{Aws.PARTITION}:s3:::sagemaker-*-artifact-*"
        self.add_to_policy(allow([f"s3:{verb}" for verb in BUCKET_VERBS], bucket))
        connections = [
            f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:connection/*"
            for service in ("codeconnections", "codestar-connections")
        ]
        groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
        self.add_to_policy(allow(["logs:DescribeLogGroups"], groups))  # a search by prefix, checked against all
        pass_connection = ["codeconnections:PassConnection", "codestar-connections:PassConnection"]
        self.add_to_policy(allow(pass_connection, *connections))

    def _stacks(self) -> None:
        """Allows the Service Catalog its stacks, named `SC-...`, and its tagged buckets of templates."""
        stack = Stack.of(self).format_arn(service="cloudformation", resource="stack", resource_name="SC-*")
        self.add_to_policy(allow([f"cloudformation:{verb}" for verb in STACK_VERBS], stack))
        self.add_to_policy(allow(["cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"], "*"))
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=["*"],
                conditions={"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
            )
        )

    def _roles(self) -> None:
        roles = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role{ROLE_PATH}*"
        self.add_to_policy(allow([f"iam:{verb}" for verb in ROLE_VERBS], roles))
        self.add_to_policy(pass_role(roles, service=["codebuild.amazonaws.com", "codepipeline.amazonaws.com"]))
