"""Makes the DynamoDB tables: experiments and assignments."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct


class ItemsTable(dynamodb.Table):
    """A table with string keys `hash_key` and `item`: on demand, encrypted, restorable within the last 35 days."""

    def __init__(
        self, scope: Construct, name: str, *, hash_key: str, keep: bool, expiry_attribute: str | None = None
    ) -> None:
        super().__init__(
            scope,
            name,
            partition_key=dynamodb.Attribute(name=hash_key, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="item", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=expiry_attribute,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
