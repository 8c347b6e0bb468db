"""The pages that are made from the code are fresh, and say all that they should."""

import jsonschema
import pytest
from aws_lambda_powertools.event_handler.openapi.models import OpenAPI

from tests.conftest import ROOT
from tests.docs import machines, openapi, pages, sandbox_operations
from tests.docs.tables import fields
from tests.workflows.machine import NAMES, load


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_is_what_the_code_makes(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text()
    assert committed == pages.text(name), f"docs/{name} is stale: run `{pages.COMMAND}` (make generate)"


def test_every_operation_of_the_sandbox_has_a_round_trip_and_a_failing_case() -> None:
    assert sandbox_operations.unproved() == []


def test_the_api_is_described_in_valid_openapi() -> None:
    OpenAPI.model_validate(openapi.document())


def test_what_the_api_does_not_answer_would_be_found() -> None:
    asked = {"error": {"code": "NotFound", "message": "There is no such route."}}
    openapi.check("/stats", 404, asked)
    with pytest.raises(jsonschema.ValidationError):
        openapi.check("/stats", 404, asked | {"why": ""})
    with pytest.raises(jsonschema.ValidationError):
        openapi.check("/stats", 200, {"endpoint_name": "e"})
    with pytest.raises(KeyError):
        openapi.check("/stats", 201, {})


def test_each_refusal_of_api_gateway_is_explained() -> None:
    assert openapi.gateway("CODES").keys() == openapi.GATEWAY.keys()


def test_every_state_is_drawn_but_for_those_that_only_errors_reach() -> None:
    drawn = {name: "\n".join(machines.lines(load(name))) for name in NAMES}
    left_out = {(name, state) for name in NAMES for state in load(name)["States"] if f"  {state}" not in drawn[name]}
    assert left_out == {("build_endpoint", "ShadowFailed"), ("rebalance_all", "Failed"), ("promote", "Failed")}


def test_a_table_says_range_default_and_alternatives() -> None:
    part = {"properties": {"x": {"type": "integer", "exclusiveMinimum": 0}}, "description": "A part."}
    schema = {
        "required": ["name"],
        "$defs": {"part": part},
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 9, "description": "Its name."},
            "share": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}], "default": None},
            "kind": {"enum": ["a", "b"], "default": "a"},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "maxItems": 1234, "default": []},
        },
    }
    assert list(fields(schema, schema))[2:] == [
        "| `name` | string | 1 to 9 characters | **required** | Its name. |",
        "| `share` | number or null | 0 to 1 | null |  |",
        "| `kind` | string | `a`, `b` | `a` |  |",
        "| `parts` | list of [part](#part) | at most 1,234 items | `[]` |  |",
    ]
