"""The shadows of an endpoint in the `experiments` table: when each began, and its verdict once there is one."""

import dataclasses
import datetime
from typing import Any

from botocore.exceptions import ClientError

from abtest.adapters.experiments_table import client, from_item, to_item
from abtest.experiment.evidence.shadow import Verdict
from abtest.experiment.record import times
from abtest.experiment.record.shadow import Pair, Shadow

UNJUDGED = {
    "ConditionExpression": "attribute_type(passed, :null)",
    "ExpressionAttributeValues": to_item({":null": "NULL"}),
}


class Shadows:
    """Those of one endpoint. Writes are conditional, so that executions that wait together agree."""

    def __init__(self, table_name: str, endpoint_name: str) -> None:
        self._table_name, self._endpoint_name = table_name, endpoint_name

    def get(self, pair: Pair) -> Shadow | None:
        key = to_item({"endpoint_name": self._endpoint_name, "item": _item(pair)})
        found = client().get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        return Shadow.from_json(from_item(found)) if found else None

    def begun(self, pair: Pair, now: datetime.datetime) -> Shadow:
        """The pair's shadow, which begins `now` if it did not before."""
        fresh = Shadow(pair, times.truncated(now))
        begins = self._put(fresh, ConditionExpression="attribute_not_exists(endpoint_name)")
        return fresh if begins else self.get(pair) or self.begun(pair, now)

    def forget(self, pair: Pair) -> None:
        """The pair's shadow begins anew; a verdict stands."""
        key = to_item({"endpoint_name": self._endpoint_name, "item": _item(pair)})
        self._written(client().delete_item, Key=key, **UNJUDGED)

    def judge(self, shadow: Shadow, verdict: Verdict) -> None:
        """Writes the verdict; an earlier one stands, and so does that the shadow begins anew."""
        judged = dataclasses.replace(shadow, passed=verdict.passed, reason=verdict.reason)
        self._put(judged, **UNJUDGED)

    def all(self) -> list[Shadow]:
        """In the order in which they began."""
        pages = (
            client()
            .get_paginator("query")
            .paginate(
                TableName=self._table_name,
                KeyConditionExpression="endpoint_name = :name AND begins_with(#item, :prefix)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=to_item({":name": self._endpoint_name, ":prefix": "SHADOW#"}),
            )
        )
        found = [Shadow.from_json(from_item(item)) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda shadow: shadow.began_at)

    def _put(self, shadow: Shadow, **condition: Any) -> bool:
        item = to_item(shadow.to_json() | {"endpoint_name": self._endpoint_name, "item": _item(shadow.pair)})
        return self._written(client().put_item, Item=item, **condition)

    def _written(self, write: Any, **request: Any) -> bool:
        """False if the request's condition does not hold."""
        try:
            write(TableName=self._table_name, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _item(pair: Pair) -> str:
    return f"SHADOW#{pair.champion_arn}#{pair.challenger_arn}"
