import json
from typing import Any

import pytest
from ministack.core import persistence
from ministack.core.responses import request_scope

from abtest.sandbox.sagemaker import service, state
from abtest.sandbox.sagemaker.errors import ServiceError
from tests.sandbox.sagemaker.conftest import Local

RECORDS: list[dict[str, Any]] = [
    {"Name": name, "CreationTime": time, "Status": status}
    for name, time, status in (("b", 1.0, "InService"), ("a", 2.0, "Failed"), ("AB", 3.0, "InService"))
]


def chosen(**request: Any) -> list[str]:
    return [record["Name"] for record in state.select(RECORDS, request, name="Name", status="Status")]


def test_records_are_filtered_and_sorted() -> None:
    assert chosen() == ["AB", "a", "b"]
    assert chosen(SortOrder="Ascending") == ["b", "a", "AB"]
    assert chosen(SortBy="Name", SortOrder="Ascending") == ["AB", "a", "b"]
    assert chosen(SortBy="Status", SortOrder="Ascending")[0] == "a"
    assert chosen(NameContains="A") == ["AB", "a"]
    assert chosen(StatusEquals="InService") == ["AB", "b"]
    assert chosen(CreationTimeAfter=1.0, CreationTimeBefore=3.0) == ["a"]
    assert chosen(LastModifiedTimeAfter=2.5) == ["AB"]


def test_pages_hold_every_record_once() -> None:
    first = state.page("Models", RECORDS, {"MaxResults": 2})
    second = state.page("Models", RECORDS, {"MaxResults": 2, "NextToken": first["NextToken"]})
    assert first["Models"] + second["Models"] == RECORDS and second["NextToken"] is None
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        state.page("Models", RECORDS, {"NextToken": "-1"})


def test_a_snapshot_is_restored_from_what_ministack_writes(local: Local) -> None:
    with request_scope("000000000000", "eu-west-1"):
        state.table("models")["m"] = {"ModelName": "m", "_container": {"Image": "i"}}
        state.table("pending_metrics")["E/a/Invocations"] = {"1.0": 3}
    written = json.dumps(service.get_state(), default=persistence._json_default)
    service.reset()
    assert state.scopes("models") == []
    service.load_persisted_state(json.loads(written, object_hook=persistence._json_object_hook))
    assert state.scopes("models") == [("000000000000", "eu-west-1")]
    assert state.table("models").values() == []
    with request_scope("000000000000", "eu-west-1"):
        assert state.table("models")["m"] == {"ModelName": "m", "_container": {"Image": "i"}}
        assert state.table("pending_metrics")["E/a/Invocations"] == {"1.0": 3}


def test_a_snapshot_does_not_change_with_the_state(local: Local) -> None:
    state.table("models")["m"] = {"ModelName": "m"}
    saved = service.get_state()
    state.table("models")["m"]["ModelName"] = "changed"
    assert saved["models"]["m"] == {"ModelName": "m"}
