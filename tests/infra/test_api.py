import dataclasses
import json
from pathlib import Path

import pytest

from infra import environments
from tests.docs import openapi
from tests.infra.templates import Templates, synthesise, text

pytestmark = pytest.mark.slow


def test_each_route_takes_signed_posts(demo: Templates) -> None:
    paths = {name: p["Properties"]["PathPart"] for name, p in demo.named("AWS::ApiGateway::Resource")}
    methods = demo.properties("AWS::ApiGateway::Method")
    assert {f"/{paths[method['ResourceId']['Ref']]}" for method in methods} == set(openapi.routes())
    for method in methods:
        assert (method["HttpMethod"], method["AuthorizationType"]) == ("POST", "AWS_IAM")
        assert method["Integration"]["Type"] == "AWS_PROXY"


def test_requests_are_throttled(demo: Templates) -> None:
    (stage,) = demo.properties("AWS::ApiGateway::Stage")
    assert stage["StageName"] == "demo"
    (settings,) = stage["MethodSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0


def test_the_gateways_refusals_have_the_shape_of_the_functions(demo: Templates) -> None:
    refusals = {p["ResponseType"]: p["ResponseTemplates"] for p in demo.properties("AWS::ApiGateway::GatewayResponse")}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"} <= set(refusals)
    for templates in refusals.values():
        document = json.loads(templates["application/json"].replace("$context.error.messageString", '"why"'))
        assert document["error"].keys() == {"code", "message"}
        assert document["error"]["message"] == "why"


def test_only_this_api_and_the_stacks_own_rules_may_call_the_functions(demo: Templates) -> None:
    callers = {"apigateway.amazonaws.com": ("{Api", len(openapi.routes())), "events.amazonaws.com": ("Rule", 2)}
    permissions = demo.properties("AWS::Lambda::Permission")
    for principal, (source, count) in callers.items():
        allowed = [permission for permission in permissions if permission["Principal"] == principal]
        assert len(allowed) == count
        assert all(source in text(permission["SourceArn"]) for permission in allowed)
    assert {permission["Principal"] for permission in permissions} == set(callers)


def test_an_open_api_is_possible_in_a_development_stage_and_warns(tmp_path: Path) -> None:
    config = dataclasses.replace(environments.load("dev"), authentication="none")
    templates = synthesise(config, tmp_path)
    methods = templates.properties("AWS::ApiGateway::Method")
    assert {method["AuthorizationType"] for method in methods} == {"NONE"}
    metadata = json.dumps(templates.manifest) + "".join(
        path.read_text() for path in (tmp_path / "out").glob("*.metadata.json")
    )
    assert "anyone who can reach the API" in metadata
