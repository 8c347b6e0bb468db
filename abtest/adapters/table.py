"""A DynamoDB table of documents, each by an endpoint's name and an item's name: the stage's table `experiments`.

Reads are consistent, writes are transactions: who lost a race is told so, and nothing is half written.
"""

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

Document: TypeAlias = dict[str, Any]

SMALLEST, LARGEST = Decimal("1e-128"), Decimal("9e125")  # what DynamoDB's numbers can hold, roughly
# The API serves a prediction even if the table does not answer, and within API Gateway's 29 s.
TIMEOUTS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


class StaleError(Exception):
    """The condition of a write does not hold, as another execution wrote first: read anew."""


@functools.cache
def client() -> Any:
    return boto3.client("dynamodb", config=TIMEOUTS)


def to_item(document: Mapping[str, Any]) -> Document:
    """A JSON document in DynamoDB's types: floats become exact decimals, within what DynamoDB can hold."""
    exact = json.loads(json.dumps(document), parse_float=_bounded, parse_constant=_bounded)
    return {key: TypeSerializer().serialize(value) for key, value in exact.items()}


def _bounded(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number) < SMALLEST:
        return Decimal(0)
    return min(max(number, -LARGEST), LARGEST)


def from_item(item: Document) -> Document:
    """The document that `to_item` converted; numbers come as Decimals."""
    return {key: TypeDeserializer().deserialize(value) for key, value in item.items()}


@dataclasses.dataclass(frozen=True)
class Condition:
    """What must hold of an item when it is written: DynamoDB's expression, with #name and :name of each attribute."""

    expression: str
    attributes: Mapping[str, str | int] = dataclasses.field(default_factory=dict)

    @property
    def request(self) -> Document:
        """The members of a write's request."""
        if not self.attributes:
            return {"ConditionExpression": self.expression}
        return {
            "ConditionExpression": self.expression,
            "ExpressionAttributeNames": {f"#{name}": name for name in self.attributes},
            "ExpressionAttributeValues": to_item({f":{name}": value for name, value in self.attributes.items()}),
        }


ABSENT, PRESENT = Condition("attribute_not_exists(endpoint_name)"), Condition("attribute_exists(endpoint_name)")


def equal(**attributes: str | int) -> Condition:
    """The item has these attributes."""
    return Condition(" AND ".join(f"#{name} = :{name}" for name in attributes), attributes)


def counted(name: str, number: int) -> Condition:
    """The item's attribute is `number`, where 0 stands for an item that does not exist."""
    return equal(**{name: number}) if number else ABSENT


def unset(name: str) -> Condition:
    """The item exists, and its attribute is null."""
    return Condition(f"attribute_type(#{name}, :{name})", {name: "NULL"})


@dataclasses.dataclass(frozen=True)
class Put:
    """Writes `document` as the endpoint's `item`; without a condition, over whatever is there."""

    endpoint_name: str
    item: str
    document: Mapping[str, Any]
    condition: Condition | None = None


@dataclasses.dataclass(frozen=True)
class Delete:
    """Deletes the endpoint's `item`."""

    endpoint_name: str
    item: str
    condition: Condition


@dataclasses.dataclass(frozen=True)
class ConditionCheck:
    """Writes nothing: the other writes of the transaction need the condition, too."""

    endpoint_name: str
    item: str
    condition: Condition


Write: TypeAlias = Put | Delete | ConditionCheck


class Table:
    """Every method raises botocore's ClientError or BotoCoreError if DynamoDB does not answer."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def get(self, endpoint_name: str, item: str) -> Document | None:
        """The item's document; None if there is no such item."""
        key = to_item({"endpoint_name": endpoint_name, "item": item})
        found = client().get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        return from_item(found) if found else None

    def query(self, endpoint_name: str, prefix: str) -> Iterator[Document]:
        """The endpoint's documents whose items' names begin with `prefix`, in the order of the names."""
        return self._query(endpoint_name, "begins_with(#item, :prefix)", {":prefix": prefix})

    def between(self, endpoint_name: str, first: str, last: str, attributes: Sequence[str]) -> Iterator[list[Any]]:
        """Some attributes of each of the endpoint's items from `first` to `last`, in the order of the items' names."""
        values = {":first": first, ":last": last}
        projection = {"ProjectionExpression": ", ".join(attributes)}
        found = self._query(endpoint_name, "#item BETWEEN :first AND :last", values, **projection)
        return ([document[attribute] for attribute in attributes] for document in found)

    def transact(self, writes: Sequence[Write]) -> None:
        """Does all of the writes or none. Raises StaleError if a condition does not hold."""
        try:
            client().transact_write_items(TransactItems=[self._request(write) for write in writes])
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if not {"ConditionalCheckFailed", "TransactionConflict"} & set(reasons):
                raise
            raise StaleError(f"Another execution wrote to {self._table_name} first. Try again.") from error

    def attempt(self, writes: Sequence[Write]) -> bool:
        """Does all of the writes, or none and returns False if a condition does not hold."""
        try:
            self.transact(writes)
        except StaleError:
            return False
        return True

    def _request(self, write: Write) -> Document:
        key = {"endpoint_name": write.endpoint_name, "item": write.item}
        what = {"Item": to_item({**write.document, **key})} if isinstance(write, Put) else {"Key": to_item(key)}
        condition = write.condition.request if write.condition else {}
        return {type(write).__name__: {"TableName": self._table_name, **what, **condition}}

    def _query(self, endpoint_name: str, condition: str, values: Document, **options: Any) -> Iterator[Document]:
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
