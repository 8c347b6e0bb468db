"""The `assignments` table: each user's variant and invocations in an experiment, and events parked for later."""

import dataclasses
import functools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config

from abtest.experiment.record.events import EventError, Invocation, parse

# A prediction must not wait long for a table, or a stream, that does not answer.
TIMEOUTS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
KEPT_SECONDS = 90 * 24 * 3600  # after the user's last invocation
PARKED = "PARKED"  # hash key of the events that Firehose did not take


@functools.cache
def client() -> Any:
    return boto3.client("dynamodb", config=TIMEOUTS)


@dataclasses.dataclass(frozen=True)
class Assignment:
    """A user's variant for the whole experiment, drawn with `propensity` (0..1) from the shares of `decision_id`.

    `is_new` says that the invocation being served is the one that assigned it, also when it is sent again.
    """

    variant_name: str
    decision_id: str
    propensity: float
    is_new: bool


@dataclasses.dataclass(frozen=True)
class ParkedEvent:
    item: str
    line: str


class AssignmentsTable:
    """Every method raises botocore's ClientError or BotoCoreError if DynamoDB does not answer."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def assign(self, experiment_id: str, user_id: str, drawn: Assignment, *, inference_id: str, now: int) -> Assignment:
        """The user's assignment: an earlier one if there is any, else `drawn`, on which concurrent callers agree.

        One atomic write, which also notes the invocation as the user's last. `now` is in seconds since the epoch.
        """
        response = client().update_item(
            TableName=self._table_name,
            Key=_key(_user(experiment_id, user_id), "ASSIGNMENT"),
            UpdateExpression="SET variant_name = if_not_exists(variant_name, :variant_name), "
            "decision_id = if_not_exists(decision_id, :decision_id), "
            "propensity = if_not_exists(propensity, :propensity), "
            "first_inference_id = if_not_exists(first_inference_id, :inference_id), "
            "last_inference_id = :inference_id, expires_at = :expires_at",
            ExpressionAttributeValues={
                ":variant_name": {"S": drawn.variant_name},
                ":decision_id": {"S": drawn.decision_id},
                ":propensity": {"N": str(Decimal(repr(drawn.propensity)))},
                ":inference_id": {"S": inference_id},
                ":expires_at": {"N": str(now + KEPT_SECONDS)},
            },
            ReturnValues="ALL_NEW",
        )
        agreed = response["Attributes"]
        return Assignment(
            variant_name=agreed["variant_name"]["S"],
            decision_id=agreed["decision_id"]["S"],
            propensity=float(agreed["propensity"]["N"]),
            is_new=agreed["first_inference_id"]["S"] == inference_id,
        )

    def remember(self, invocation: Invocation, *, now: int) -> Invocation:
        """Keeps the invocation for its conversion; returns the earlier one if this is a client's retry."""
        response = client().update_item(
            TableName=self._table_name,
            Key=_key(_user(invocation.experiment_id, invocation.user_id), f"INVOCATION#{invocation.inference_id}"),
            UpdateExpression="SET line = if_not_exists(line, :line), expires_at = :expires_at",
            ExpressionAttributeValues={
                ":line": {"S": dataclasses.replace(invocation, predictions=None).to_line()},
                ":expires_at": {"N": str(now + KEPT_SECONDS)},
            },
            ReturnValues="ALL_NEW",
        )
        return _invocation(response["Attributes"])

    def invocation(self, experiment_id: str, user_id: str, inference_id: str) -> Invocation | None:
        """The user's invocation `inference_id`; None if it is not known."""
        item = self._get(_user(experiment_id, user_id), f"INVOCATION#{inference_id}")
        return _invocation(item) if item else None

    def invocations(self, experiment_id: str, user_id: str) -> Iterator[Invocation]:
        """All that is known of the user's invocations."""
        return map(_invocation, self._query(_user(experiment_id, user_id), "INVOCATION#"))

    def last_inference_id(self, experiment_id: str, user_id: str) -> str | None:
        """That of the user's last randomised invocation, served or not; None before the first."""
        assignment = self._get(_user(experiment_id, user_id), "ASSIGNMENT")
        return assignment["last_inference_id"]["S"] if assignment else None

    def park(self, event_id: str, line: str) -> None:
        """Keeps an event that could not be sent; the same one is kept once."""
        item = _key(PARKED, f"PARKED#{event_id}") | {"line": {"S": line}}
        client().put_item(TableName=self._table_name, Item=item)

    def parked(self, limit: int) -> list[ParkedEvent]:
        """At most `limit` parked events."""
        response = client().query(**self._prefix_query(PARKED, "PARKED#"), Limit=limit)
        return [ParkedEvent(item["item"]["S"], item["line"]["S"]) for item in response["Items"]]

    def unpark(self, event: ParkedEvent) -> None:
        client().delete_item(TableName=self._table_name, Key=_key(PARKED, event.item))

    def _get(self, user: str, item: str) -> dict[str, Any] | None:
        response = client().get_item(TableName=self._table_name, Key=_key(user, item), ConsistentRead=True)
        found: dict[str, Any] | None = response.get("Item")
        return found

    def _query(self, user: str, prefix: str) -> Iterator[dict[str, Any]]:
        for page in client().get_paginator("query").paginate(**self._prefix_query(user, prefix)):
            yield from page["Items"]

    def _prefix_query(self, user: str, prefix: str) -> dict[str, Any]:
        return {
            "TableName": self._table_name,
            "ConsistentRead": True,
            "KeyConditionExpression": "#user = :user AND begins_with(#item, :prefix)",
            "ExpressionAttributeNames": {"#user": "user", "#item": "item"},
            "ExpressionAttributeValues": {":user": {"S": user}, ":prefix": {"S": prefix}},
        }


def _user(experiment_id: str, user_id: str) -> str:
    return f"{experiment_id}#{user_id}"


def _key(user: str, item: str) -> dict[str, dict[str, str]]:
    return {"user": {"S": user}, "item": {"S": item}}


def _invocation(item: dict[str, Any]) -> Invocation:
    event = parse(item["line"]["S"])
    if not isinstance(event, Invocation):
        raise EventError("type: must be invocation")
    return event
