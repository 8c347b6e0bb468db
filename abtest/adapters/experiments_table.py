"""The `experiments` table: the current experiment of each endpoint, its Decisions, earlier ones, and the lease.

Every write is conditional: who lost a race is told so, and nothing is half written.
"""

import datetime
import functools
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from abtest.experiment.record import times
from abtest.experiment.record.decision import Decision, _follows, after
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.lease import Lease

Item = dict[str, Any]

EXPERIMENT = "EXPERIMENT"
LEASE = "LEASE"
SMALLEST, LARGEST = Decimal("1e-128"), Decimal("9e125")  # what DynamoDB's numbers can hold, roughly
LEASE_ATTEMPTS = 10  # writes of others that may come between our reading and writing


class StaleError(Exception):
    """Another execution wrote first, or took the lease: read anew."""


# The API serves a prediction even if the table does not answer, and within API Gateway's 29 s.
TIMEOUTS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


@functools.cache
def client() -> Any:
    return boto3.client("dynamodb", config=TIMEOUTS)


def to_item(document: Item) -> Item:
    """A JSON document in DynamoDB's types: floats become exact decimals, within what DynamoDB can hold."""
    exact = json.loads(json.dumps(document), parse_float=_bounded, parse_constant=_bounded)
    return {key: TypeSerializer().serialize(value) for key, value in exact.items()}


def _bounded(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number) < SMALLEST:
        return Decimal(0)
    return min(max(number, -LARGEST), LARGEST)


def from_item(item: Item) -> Item:
    """Numbers come as Decimals."""
    return {key: TypeDeserializer().deserialize(value) for key, value in item.items()}


class ExperimentsTable:
    """Access by endpoint name."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def current(self, endpoint_name: str) -> Experiment | None:
        """The experiment that runs on the endpoint, or ran there last; None before the first."""
        document = self._read(endpoint_name, EXPERIMENT)
        return Experiment.from_json(document) if document else None

    def past(self, endpoint_name: str) -> list[Experiment]:
        """Earlier experiments on the endpoint, as they ended."""
        return [Experiment.from_json(document) for document in self._query(endpoint_name, "PAST#")]

    def decisions(self, endpoint_name: str, experiment_id: str) -> list[Decision]:
        """The experiment's Decisions, oldest first."""
        return [Decision.from_json(item) for item in self._query(endpoint_name, f"DECISION#{experiment_id}#")]

    def boundaries(self, experiment: Experiment, after: int) -> list[datetime.datetime]:
        """The `as_of` of the experiment's Decisions from the one that follows on the `after`-th, oldest first."""
        if after >= experiment.decision_count:
            return []  # DynamoDB refuses a range that ends before it begins
        prefix = f"DECISION#{experiment.experiment_id}#"
        found = self._where(
            experiment.endpoint_name,
            "#item BETWEEN :first AND :last",
            {":first": f"{prefix}{after + 1:06d}", ":last": f"{prefix}{experiment.decision_count:06d}"},
            ProjectionExpression="as_of",
        )
        return [times.from_text(item["as_of"]) for item in found]

    def counter(self, endpoint_name: str, champion_version: int) -> int:
        """How many experiments the champion version has begun on this endpoint."""
        document = self._read(endpoint_name, f"COUNTER#{champion_version}")
        return int(document["counter"]) if document else 0

    def begin(
        self,
        experiment: Experiment,
        *,
        counter: int,
        before: Experiment | None,
        execution: str,
        also: Sequence[Item] = (),
    ) -> None:
        """Makes `experiment`, the `counter`-th of its champion version, the current one, and keeps the one `before`.

        `also` is written in the same transaction.
        Raises StaleError if the lease is not the execution's or `before` is not the current experiment any more.
        """
        name = experiment.endpoint_name
        writes = [
            self._lease_check(name, execution),
            self._put(name, EXPERIMENT, experiment.to_json(), **unchanged(before)),
            self._put(
                name,
                f"COUNTER#{experiment.champion_version}",
                {"counter": counter},
                **attribute_is("counter", counter - 1),
            ),
        ]
        if before:
            writes.append(self._put(name, past_key(before.experiment_id), before.to_json()))
        self._write([*writes, *also])

    def join(
        self,
        experiment: Experiment,
        decision: Decision,
        *,
        before: Experiment,
        execution: str,
        also: Sequence[Item] = (),
    ) -> None:
        """Applies a change of variants, with the Decision that records it. As `begin` for `also` and StaleError."""
        check = self._lease_check(experiment.endpoint_name, execution)
        self._write([check, *self._decided(experiment, decision, before, execution), *also])

    def change(self, experiment: Experiment, decision: Decision, *, before: Experiment, execution: str) -> None:
        """Applies a change that leaves the variants as they are, so without the lease. Raises StaleError."""
        self._write(self._decided(experiment, decision, before, execution))

    def apply_decision(self, decision: Decision, *, execution: str) -> bool:
        """Puts the Decision and the experiment after it in one transaction; True if that is done.

        True as well if this execution had done so before; False if another Decision was applied first.
        """
        before = self.current(decision.endpoint_name)
        try:
            if before is None or not _follows(decision, before):
                raise StaleError(f"{decision.decision_id} does not follow on the current experiment.")
            self._write(self._decided(after(before, decision), decision, before, execution))
        except StaleError:
            return self._applied_by(decision) == execution
        return True

    def _decided(self, after: Experiment, decision: Decision, before: Experiment, execution: str) -> list[Item]:
        return [
            self._put(after.endpoint_name, EXPERIMENT, after.to_json(), **unchanged(before)),
            self._record(decision, execution),
        ]

    def _record(self, decision: Decision, execution: str) -> Item:
        record = decision.to_json() | {"execution": execution, "applied": True}
        absent = "attribute_not_exists(endpoint_name)"
        return self._put(decision.endpoint_name, decision_key(decision), record, ConditionExpression=absent)

    def _applied_by(self, decision: Decision) -> str | None:
        document = self._read(decision.endpoint_name, decision_key(decision))
        return document["execution"] if document else None

    def ask_for_lease(self, endpoint_name: str, execution: str, now: float) -> bool:
        """Whether `execution` holds the lease; if not, it is in the queue. The holder renews it thereby."""
        for _ in range(LEASE_ATTEMPTS):
            lease = self._lease(endpoint_name)
            asked = lease.asked(execution, now)
            if self._swap_lease(endpoint_name, lease, asked):
                return asked.held_by(execution, now)
        raise StaleError(f"The lease of {endpoint_name} is being written by too many executions at once.")

    def release_lease(self, endpoint_name: str, execution: str) -> None:
        """Gives up the lease or the place in the queue; nothing happens if there is neither."""
        for _ in range(LEASE_ATTEMPTS):
            lease = self._lease(endpoint_name)
            if self._swap_lease(endpoint_name, lease, lease.released(execution)):
                return
        raise StaleError(f"The lease of {endpoint_name} is being written by too many executions at once.")

    def _lease(self, endpoint_name: str) -> Lease:
        document = self._read(endpoint_name, LEASE)
        return Lease.from_json(document) if document else Lease()

    def _swap_lease(self, endpoint_name: str, old: Lease, new: Lease) -> bool:
        try:
            self._write([self._put(endpoint_name, LEASE, new.to_json(), **attribute_is("revision", old.revision))])
        except StaleError:
            return False
        return True

    def _lease_check(self, endpoint_name: str, execution: str) -> Item:
        check = {
            "TableName": self._table_name,
            "Key": key_of(endpoint_name, LEASE),
            **attribute_is("holder", execution),
        }
        return {"ConditionCheck": check}

    def _put(self, endpoint_name: str, item: str, document: Item, **condition: Any) -> Item:
        whole = to_item({**document, "endpoint_name": endpoint_name, "item": item})
        return {"Put": {"TableName": self._table_name, "Item": whole, **condition}}

    def _write(self, writes: Sequence[Item]) -> None:
        """All or nothing; StaleError if a condition does not hold."""
        try:
            client().transact_write_items(TransactItems=list(writes))
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if not {"ConditionalCheckFailed", "TransactionConflict"} & set(reasons):
                raise
            raise StaleError(f"Another execution wrote to {self._table_name} first.") from error

    def _read(self, endpoint_name: str, item: str) -> Item | None:
        key = key_of(endpoint_name, item)
        found = client().get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        return from_item(found) if found else None

    def _query(self, endpoint_name: str, prefix: str) -> Iterator[Item]:
        return self._where(endpoint_name, "begins_with(#item, :prefix)", {":prefix": prefix})

    def _where(self, endpoint_name: str, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        pages = (
            client()
            .get_paginator("query")
            .paginate(
                TableName=self._table_name,
                ConsistentRead=True,
                KeyConditionExpression=f"endpoint_name = :name AND {condition}",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=to_item({":name": endpoint_name, **values}),
                **options,
            )
        )
        return (from_item(item) for page in pages for item in page["Items"])


def past_key(experiment_id: str) -> str:
    return f"PAST#{experiment_id}"


def decision_key(decision: Decision) -> str:
    return f"DECISION#{decision.experiment_id}#{decision.number:06d}"


def key_of(endpoint_name: str, item: str) -> Item:
    return to_item({"endpoint_name": endpoint_name, "item": item})


def unchanged(before: Experiment | None) -> Item:
    """That the current experiment is still `before`, with no Decision since."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(endpoint_name)"}
    return {
        "ConditionExpression": "experiment_id = :id AND decision_count = :count",
        "ExpressionAttributeValues": to_item({":id": before.experiment_id, ":count": before.decision_count}),
    }


def attribute_is(name: str, value: str | int) -> Item:
    """That the attribute has the value; an item that does not exist counts as 0."""
    absent = "attribute_not_exists(endpoint_name) OR " if value == 0 else ""
    return {
        "ConditionExpression": f"{absent}#name = :value",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": to_item({":value": value}),
    }
