"""Every statement of every role: no `*` but where AWS knows no smaller resource, or the name is not ours to know."""

import re
from fnmatch import fnmatchcase

import pytest

from infra.wildcards import NO_RESOURCE, STAGE, reason
from tests.infra.templates import Templates, listed, text

pytestmark = pytest.mark.slow


def test_no_action_has_a_wildcard(demo: Templates) -> None:
    wide = [(name, action) for name, s in demo.statements() for action in listed(s["Action"]) if "*" in action]
    assert not wide


def test_all_resources_are_allowed_only_where_there_is_no_smaller_one(demo: Templates) -> None:
    wide = {
        action
        for _, statement in demo.statements()
        for action in listed(statement["Action"])
        if "*" in [text(resource) for resource in listed(statement["Resource"])]
    }
    assert wide == set(NO_RESOURCE)


def test_every_wildcard_in_a_name_has_a_reason(demo: Templates) -> None:
    wild = {
        text(resource)
        for _, statement in demo.statements()
        for resource in listed(statement["Resource"])
        if re.search(r"[*?]", text(resource)) and text(resource) != "*"
    }
    assert not [resource for resource in wild if reason(resource, STAGE) is None]
    assert not [known for known in STAGE if not any(re.fullmatch(known, resource) for resource in wild)]


def test_no_pattern_of_a_stage_reaches_what_another_endpoint_is_made_of(demo: Templates) -> None:
    others = (
        "endpoint-config/sagemaker-reviews-demo-churn-0123456789ab",
        "endpoint-config/sagemaker-reviews-demo2-0123456789ab",
        "model/reviews-demo2-1-01234567",
    )
    changing = [
        text(resource).rpartition(":")[2]
        for _, statement in demo.statements()
        if any(re.match("sagemaker:(Create|Delete|Update)", action) for action in listed(statement["Action"]))
        for resource in listed(statement["Resource"])
    ]
    assert any(fnmatchcase("endpoint-config/sagemaker-reviews-demo-0123456789ab", pattern) for pattern in changing)
    assert any(fnmatchcase("model/reviews-demo-1-01234567", pattern) for pattern in changing)
    assert not [(name, pattern) for name in others for pattern in changing if fnmatchcase(name, pattern)]


def test_roles_are_passed_to_sagemaker_only(demo: Templates) -> None:
    passing = [statement for _, statement in demo.statements() if "iam:PassRole" in listed(statement["Action"])]
    assert passing
    for statement in passing:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_deciding_function_may_only_read_the_evidence_log_and_trace(demo: Templates) -> None:
    statements = [statement for name, statement in demo.statements() if name.startswith("DecideRole")]
    allowed = {action for statement in statements for action in listed(statement["Action"])}
    reading = [statement for statement in statements if "s3:GetObject" in listed(statement["Action"])]
    assert {action.partition(":")[0] for action in allowed if action != "s3:GetObject"} == {"logs", "xray"}
    assert [str(statement["Resource"]).count("/evidence/*") for statement in reading] == [1]
    assert all(len(listed(statement["Resource"])) == 1 for statement in reading)


def test_no_role_has_a_managed_policy(demo: Templates) -> None:
    assert not [role for role in demo.properties("AWS::IAM::Role") if role.get("ManagedPolicyArns")]


def test_only_services_assume_roles(demo: Templates) -> None:
    trusted = {
        statement["Principal"]["Service"]
        for role in demo.properties("AWS::IAM::Role")
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    }
    assert trusted == {f"{name}.amazonaws.com" for name in ("events", "firehose", "lambda", "sagemaker", "states")}
