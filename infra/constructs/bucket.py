"""The bucket: reviews, code, runs, models, events, captures, evidence."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.findings import accept
from infra.constructs.private_bucket import PrivateBucket

CAPTURES_DAYS = 30  # what shadows answered: users' requests, of no use once there is a verdict
EVIDENCE_DAYS = 7  # counts, of use to the execution that counted; for a week, to look at what it saw


class DataBucket(PrivateBucket):
    """Where data is kept, versioned: an old version lives 30 days."""

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
