"""The settings that every bucket of ours shares, and the bucket of a stage's data."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.findings import accept

CAPTURES_DAYS = 30  # what shadows answered: users' requests, of no use once there is a verdict
EVIDENCE_DAYS = 7  # counts, of use to the execution that counted; for a week, to look at what it saw


class PrivateBucket(s3.Bucket):
    """A bucket that is encrypted, private, TLS only and without ACLs; `settings` are s3.Bucket's others."""

    def __init__(self, scope: Construct, name: str, **settings: Any) -> None:
        super().__init__(
            scope,
            name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            **settings,
        )


class DataBucket(PrivateBucket):
    """Keeps the data of a stage, versioned: an old version lives 30 days."""

    def __init__(self, scope: Construct, name: str, *, keep: bool) -> None:
        super().__init__(
            scope,
            name,
            versioned=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(30) if keep else None,
                ),
                s3.LifecycleRule(prefix="captures/", expiration=Duration.days(CAPTURES_DAYS)),
                s3.LifecycleRule(prefix="evidence/", expiration=Duration.days(EVIDENCE_DAYS)),
            ],
        )
        accept(self, "S1", "Each write is an event, a run or a model with its own record; CloudTrail can log the reads")
