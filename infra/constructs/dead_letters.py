"""Where an event goes that could not be delivered, and the alarm that says so."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class DeadLetters(Construct):
    """Keeps what was lost for 14 days; the alarm stands while anything is in the queue."""

    def __init__(self, scope: Construct, name: str, *, what: str) -> None:
        super().__init__(scope, name)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_description=f"{what} could not be delivered; see the queue {self.queue.queue_name}",
            metric=self.queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
