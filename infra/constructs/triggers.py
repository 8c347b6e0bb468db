"""Starts the machines on an approval, a decision and the clock, and a function on a variant's alarm."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.dead_letters import DeadLetters

RETRIES = 8
OLDEST_EVENT = Duration.hours(2)
FAILURES = 2  # further attempts of a function; then the event is in the queue, with the reason


def starts(
    scope: Construct, machine: stepfunctions.IStateMachine, *, what: str, description: str, pattern: events.EventPattern
) -> None:
    """Starts the machine on events of the pattern, which may come twice; `what` names the one that is lost."""
    lost = DeadLetters(scope, "Lost", what=what)
    target = targets.SfnStateMachine(
        machine, dead_letter_queue=lost.queue, retry_attempts=RETRIES, max_event_age=OLDEST_EVENT
    )
    events.Rule(scope, "Rule", description=description, event_pattern=pattern, targets=[target])


def calls(
    scope: Construct, function: lambda_.IFunction, *, what: str, description: str, pattern: events.EventPattern
) -> None:
    """Calls the function on events of the pattern.

    `what` names the one that is lost, also if the function fails on it.
    """
    lost = DeadLetters(scope, "Lost", what=what, verb=" could not be followed")
    function.configure_async_invoke(
        on_failure=destinations.SqsDestination(lost.queue), retry_attempts=FAILURES, max_event_age=OLDEST_EVENT
    )
    target = targets.LambdaFunction(
        function, dead_letter_queue=lost.queue, retry_attempts=RETRIES, max_event_age=OLDEST_EVENT
    )
    events.Rule(scope, "Rule", description=description, event_pattern=pattern, targets=[target])


class OnApproval(Construct):
    """Starts the machine when a package of one of the groups is approved."""

    def __init__(
        self, scope: Construct, name: str, *, group_names: tuple[str, ...], machine: stepfunctions.IStateMachine
    ) -> None:
        super().__init__(scope, name)
        starts(
            self,
            machine,
            what="the event of an approved model package",
            description="An approved model package starts build-endpoint",
            pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": list(group_names), "ModelApprovalStatus": ["Approved"]},
            ),
        )


class OnDecision(Construct):
    """Starts the machine when rebalance announces a winner on the endpoint: after each Decision while it stands."""

    def __init__(
        self, scope: Construct, name: str, *, endpoint_name: str, machine: stepfunctions.IStateMachine
    ) -> None:
        super().__init__(scope, name)
        starts(
            self,
            machine,
            what="the event of a decided experiment",
            description="A decided experiment starts promote",
            pattern=events.EventPattern(
                source=["abtest"], detail_type=["Experiment Decided"], detail={"endpoint_name": [endpoint_name]}
            ),
        )


class OnSchedule(Construct):
    """Starts the machine every `minutes`; a run that cannot start in time is left to the next one."""

    def __init__(self, scope: Construct, name: str, *, minutes: int, machine: stepfunctions.IStateMachine) -> None:
        super().__init__(scope, name)
        lost = DeadLetters(self, "Lost", what="a scheduled start of rebalance-all")
        scheduler.Schedule(
            self,
            "Schedule",
            description="Moves traffic shares",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(minutes)),
            target=scheduler_targets.StepFunctionsStartExecution(
                machine,
                input=scheduler.ScheduleTargetInput.from_object({}),
                dead_letter_queue=lost.queue,
                retry_attempts=2,
                max_event_age=Duration.minutes(minutes),
            ),
        )


class OnAlarm(Construct):
    """Calls the function when an alarm of one of the endpoint's variants rises."""

    def __init__(self, scope: Construct, name: str, *, endpoint_name: str, function: lambda_.IFunction) -> None:
        super().__init__(scope, name)
        calls(
            self,
            function,
            what="the alarm of a variant",
            description="An alarm of a variant takes it out",
            pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                detail={"alarmName": events.Match.prefix(f"{endpoint_name}/"), "state": {"value": ["ALARM"]}},
            ),
        )
