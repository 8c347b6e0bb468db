"""Assignments: one atomic write, on whose outcome everybody agrees."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from abtest.adapters import assignments_table
from abtest.adapters.assignments_table import Assignment, AssignmentsTable


@pytest.mark.slow  # moto does not make concurrent writes atomic, the sandbox does
def test_concurrent_first_requests_agree(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sandbox.client("dynamodb")
    monkeypatch.setattr(assignments_table, "client", lambda: client)
    client.create_table(
        TableName="assignments-test",
        KeySchema=[{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("user", "item")],
        BillingMode="PAY_PER_REQUEST",
    )
    table = AssignmentsTable("assignments-test")

    def assign(user: int, caller: int) -> Assignment:
        drawn = Assignment(f"Variant{caller}", f"d{caller}", caller / 8, is_new=True)
        return table.assign("experiment", f"u{user}", drawn, inference_id=f"{user}-{caller}", now=0)

    with ThreadPoolExecutor(8) as pool:
        for user in range(10):
            agreed = list(pool.map(assign, [user] * 8, range(8)))
            assert len({(each.variant_name, each.decision_id, each.propensity) for each in agreed}) == 1
            assert sum(each.is_new for each in agreed) == 1
    client.delete_table(TableName="assignments-test")
