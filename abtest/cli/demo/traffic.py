"""Plays the demo's rounds: users come, their events arrive in S3, the shares are rebalanced."""

import json
import time
from collections.abc import Mapping, Sequence

from abtest.adapters.api_client import ApiClient
from abtest.adapters.event_store import EventStore
from abtest.cli import rebalance
from abtest.cli.demo import users
from abtest.cli.demo.request import Request
from abtest.cli.demo.users import ApiRefusedError, Review, Visit
from abtest.cli.shown.output import UserError, counted, refusals, say
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import Experiment

DELIVERY_SECONDS = 120.0  # Firehose delivers within a minute on AWS, within about a second here


def play(
    request: Request, outputs: Mapping[str, str], experiment: Experiment, traffic: Sequence[Review]
) -> list[Visit]:
    """Plays all rounds, until a decision or until no user is left. Returns every visit."""
    visits: list[Visit] = []
    post = ApiClient(outputs["ApiEndpoint"]).post
    for number in range(1, request.rounds + 1):
        numbers = request.users_of_round(number)
        with refusals(ApiRefusedError):
            visits += users.run(
                post, endpoint_name=outputs["EndpointName"], traffic=traffic, users=numbers, seed=request.seed
            )
        wait_for_events(outputs["BucketName"], experiment, expected_events(visits))
        decision = rebalance_once(outputs)
        say(line_of_round(number, request.rounds, len(numbers), decision))
        if decision.status != "running":
            break
    return visits


def expected_events(visits: Sequence[Visit]) -> int:
    """Returns how many events the visits make: one for each invocation, and one for each conversion."""
    return len(visits) + sum(visit.reward > 0 for visit in visits)


def wait_for_events(bucket: str, experiment: Experiment, expected: int) -> None:
    """Waits until `expected` distinct events of the experiment are in S3. Raises UserError after two minutes."""
    end = time.monotonic() + DELIVERY_SECONDS
    while (arrived := distinct_events(bucket, experiment)) < expected:
        if time.monotonic() > end:
            raise UserError(f"only {arrived} of {expected} events are in s3://{bucket}/events/: see the sandbox's log")
        time.sleep(0.3)


def distinct_events(bucket: str, experiment: Experiment) -> int:
    lines = (line for stored in EventStore(bucket).read(experiment.started_at) for line in stored.lines)
    events = (json.loads(line) for line in lines)
    return len({event["event_id"] for event in events if event["experiment_id"] == experiment.experiment_id})


def rebalance_once(outputs: Mapping[str, str]) -> Decision:
    """Runs the rebalance machine by hand and returns its Decision."""
    ended = rebalance.run(outputs["RebalanceStateMachineArn"], outputs["EndpointName"])
    return Decision.from_json(ended["decision"])


def line_of_round(number: int, rounds: int, users: int, decision: Decision) -> str:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in decision.new_shares.items())
    best = ", ".join(f"{name} {p:.0%}" for name, p in decision.probability_best.items())
    return f"round {number} of {rounds}: {counted(users, 'user')}; P(best) {best}; new shares {shares}"
