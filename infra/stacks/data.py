"""Deploys what outlives a deployment: the bucket, the tables, and the stream of events into the bucket."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.constructs.bucket import DataBucket
from infra.constructs.event_stream import EventStream
from infra.constructs.table import ItemsTable


class DataStack(Stack):
    def __init__(self, scope: Construct, name: str, *, keep: bool) -> None:
        super().__init__(scope, name, termination_protection=keep)
        self.bucket = DataBucket(self, "Bucket", keep=keep)
        self.experiments = ItemsTable(self, "Experiments", hash_key="endpoint_name", keep=keep)
        self.assignments = ItemsTable(self, "Assignments", hash_key="user", keep=keep, expiry_attribute="expires_at")
        self.events = EventStream(self, "Events", bucket=self.bucket)
        CfnOutput(self, "BucketName", value=self.bucket.bucket_name)
        CfnOutput(self, "ExperimentsTableName", value=self.experiments.table_name)
        CfnOutput(self, "AssignmentsTableName", value=self.assignments.table_name)
        CfnOutput(self, "DeliveryStreamName", value=self.events.stream_name)
