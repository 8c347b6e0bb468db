"""Makes the delivery stream: events put by the API, written to the bucket as GZIP JSON lines."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.arns import allow, service_here

BUFFER_SECONDS = 60
BUFFER_MEBIBYTES = 1
PREFIX = "events/"
ERROR_PREFIX = "events-errors/"


class EventStream(Construct):
    """Delivers to `events/yyyy/MM/dd/HH/` (UTC) by Direct PUT; its role may write below its two prefixes, no more."""

    def __init__(self, scope: Construct, name: str, *, bucket: s3.IBucket) -> None:
        super().__init__(scope, name)
        log_group = logs.LogGroup(
            self, "Errors", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        log_stream = logs.LogStream(self, "S3Delivery", log_group=log_group, removal_policy=RemovalPolicy.DESTROY)
        role = self._role(bucket, log_group)
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(key_type="AWS_OWNED_CMK")
            ),
            extended_s3_destination_configuration=firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=bucket.bucket_arn,
                role_arn=role.role_arn,
                prefix=PREFIX + "!{timestamp:yyyy/MM/dd/HH}/",
                error_output_prefix=ERROR_PREFIX + "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
                compression_format="GZIP",
                buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                    interval_in_seconds=BUFFER_SECONDS, size_in_m_bs=BUFFER_MEBIBYTES
                ),
                cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                    enabled=True, log_group_name=log_group.log_group_name, log_stream_name=log_stream.log_stream_name
                ),
            ),
        )
        self.stream.node.add_dependency(role)
        self.stream_name = self.stream.ref
        self.stream_arn = self.stream.attr_arn

    def _role(self, bucket: s3.IBucket, log_group: logs.ILogGroup) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=service_here("firehose.amazonaws.com"))
        objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in (PREFIX, ERROR_PREFIX)]
        listing = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        role.add_to_policy(allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], *objects))
        role.add_to_policy(allow(listing, bucket.bucket_arn))
        role.add_to_policy(allow(["logs:PutLogEvents"], log_group.log_group_arn))
        return role
