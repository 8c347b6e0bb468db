"""What every bucket of ours has in common."""

from typing import Any

from aws_cdk import aws_s3 as s3
from constructs import Construct


class PrivateBucket(s3.Bucket):
    """Encrypted, private, TLS only, without ACLs; `settings` are s3.Bucket's others."""

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
