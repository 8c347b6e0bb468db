"""Keeps events that could not be delivered, and raises an alarm that says so."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.findings import accept


class DeadLetters(Construct):
    """Keeps what was lost for 14 days; the alarm stands while anything is in the queue.

    `what` was lost, `verb` says how; `queue_name` is also the alarm's, CloudFormation chooses both if None.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        what: str,
        verb: str = " could not be delivered",
        queue_name: str | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=queue_name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        accept(self.queue, "SQS3", "It is where what fails elsewhere ends; nothing consumes it but people")
        cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_name=queue_name,
            alarm_description=f"{what}{verb}; see the queue {self.queue.queue_name}",
            metric=self.queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
