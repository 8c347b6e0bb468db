"""rebalance counts the events, decides on the shares, gives the endpoint its weights and records the Decision.

Started by rebalance_all and by hand, for the endpoint that its input names (`endpoint_name`). Each round through the
loop compares the endpoint's weights with the shares decided, so that a refused, lost or overwritten update is
repeated, and weights that drifted are put right by the next run.
"""

from workflows.fields import Chain, Fail, Graph, Pass, Rule, State, Succeed, Task
from workflows.tasks import (
    ENDPOINT_ASKED,
    IN_FLUX,
    catch,
    choice,
    describe_endpoint,
    endpoint_failed,
    endpoint_is,
    event,
    failure,
    function,
    sagemaker,
    wait,
)

TIMEOUT_SECONDS = 3600
COUNT_SECONDS = 900  # reads all new events
DECIDE_SECONDS = 300  # the always-valid test reads every interval that there was
MOST_ATTEMPTS = 5  # updates of the weights in one execution


def rebalance() -> Graph:
    """Builds the whole machine."""
    failed = failure("Failed")
    count = _count_events(failed)
    decide = _decide(failed)
    describe = describe_endpoint("DescribeEndpoint", on_error=catch(failed), endpoint=ENDPOINT_ASKED)
    look = wait("WaitForEndpoint")
    look.next(describe)
    settled = [(endpoint_is(*IN_FLUX), look), (endpoint_is("InService"), decide)]
    describe.next(choice("EndpointState", settled, default=endpoint_failed(failed)))
    move = Rule.BooleanEquals("$.decided.move", True)
    decide.next(choice("WeightsDiffer", [(move, _attempt(look))], default=_record(count, failed)))
    first = Pass("FirstAttempt", result={"number": 0}, result_path="$.attempt")
    first.next(describe)
    running = Rule.BooleanEquals("$.counted.running", True)
    count.next(choice("ExperimentRuns", [(running, first)], default=Succeed("NoExperiment", output_path="$.counted")))
    return Graph(count, comment="Events in S3 -> traffic shares", timeout_seconds=TIMEOUT_SECONDS)


def _count_events(failed: State) -> Task:
    """Counts events. `$.counted.evidence` says where experiment, counts and their time lie: all that Decide needs."""
    return function(
        "CountEvents",
        payload={
            "endpoint_name.$": "$.endpoint_name",
            "as_of.$": "$$.State.EnteredTime",  # the same for every retry
        },
        result=["running", "message", "evidence"],
        slot="$.counted",
        on_error=failed,
        timeout_seconds=COUNT_SECONDS,
    )


def _decide(failed: State) -> Task:
    """Decides. `$.decided.move` says whether the endpoint's weights differ from the shares decided."""
    return function(
        "Decide",
        payload={"evidence.$": "$.counted.evidence", "endpoint.$": "$.endpoint"},
        result=["move", "desired_weights", "decision"],
        slot="$.decided",
        on_error=failed,
        timeout_seconds=DECIDE_SECONDS,
    )


def _attempt(look: State) -> Pass:
    """Updates the weights, a few times at most: whether that worked is read from the endpoint."""
    update = sagemaker(
        "UpdateWeights",
        "updateEndpointWeightsAndCapacities",
        ENDPOINT_ASKED | {"DesiredWeightsAndCapacities.$": "$.decided.desired_weights"},
        slot="$.update",
        on_error=catch(look, slot="$.refusal"),
        attempts=1,
    )
    update.next(look)
    lost = Fail(
        "WeightsLost", error="WeightsLost", cause="The endpoint accepts the new weights but does not keep them."
    )
    refused = Rule.And([Rule.IsPresent(f"$.refusal.{member}", True) for member in ("Error", "Cause")])
    exhausted = choice("WhyNoWeights", [(refused, failure("WeightsRefused", slot="$.refusal"))], default=lost)
    attempt = Pass(
        "NextAttempt", parameters={"number.$": "States.MathAdd($.attempt.number, 1)"}, result_path="$.attempt"
    )
    too_many = Rule.NumericGreaterThan("$.attempt.number", MOST_ATTEMPTS)
    Chain([attempt, choice("AttemptsLeft", [(too_many, exhausted)], default=update)])
    return attempt


def _record(count: State, failed: State) -> Task:
    """Applies the Decision. If another execution applied one meanwhile, the events are counted anew."""
    record = function(
        "RecordDecision",
        payload={"decision.$": "$.decided.decision", "execution.$": "$$.Execution.Id"},
        result=["applied", "decided", "decision_id", "announcement"],
        slot="$.recorded",
        on_error=failed,
    )
    done = Succeed("Done", output_path="$.decided")
    decided, applied = (Rule.BooleanEquals(f"$.recorded.{member}", True) for member in ("decided", "applied"))
    record.next(choice("DecisionApplied", [(decided, _announce(done)), (applied, done)], default=count))
    return record


def _announce(done: State) -> Task:
    """Announces a winner after each Decision of a decided experiment, so that a lost event costs one interval."""
    announce = event(
        "AnnounceWinner",
        kind="Experiment Decided",
        detail="$.recorded.announcement",
        slot="$.announced",
        on_error=catch(done, slot="$.unannounced"),  # the Decision is applied all the same
    )
    announce.next(done)
    return announce
