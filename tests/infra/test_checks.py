"""What tools say of every template: cfn-lint, and cdk-nag's AwsSolutions rules."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.wildcards import (
    DELIVERY,
    DEPLOY_NO_RESOURCE,
    LAUNCH_NO_RESOURCE,
    NO_RESOURCE,
    STAGE,
    UPSERT_NO_RESOURCE,
    reason,
)
from tests.infra.nag import findings, wildcard
from tests.infra.templates import Json, Templates, listed, text

pytestmark = pytest.mark.slow

IGNORED = (
    "W3005",  # the CDK states the order of a function after its role and policies, one of which is implied
    "E3601",  # knows no OutputPath of Succeed, which the language has; tests/workflows lint the definitions twice
)


def test_cfn_lint_has_nothing_to_say(
    demo: Templates, prod: Templates, delivery: Templates, in_a_project: Templates
) -> None:
    files = [path for templates in (demo, prod, delivery, in_a_project) for path in templates.files]
    assert len(files) == 4 + 4 + 4 + 4
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [lint, "--ignore-checks", *IGNORED, "--format", "parseable", "--template", *map(str, files)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_every_finding_of_cdk_nag_in_a_stage_has_a_reason(prod: Templates, in_a_project: Templates) -> None:
    assert unexplained(prod, STAGE, {"*"}) == []
    assert unexplained(in_a_project, STAGE, {"*"}) == []


def test_every_finding_of_cdk_nag_in_delivery_has_a_reason(delivery: Templates) -> None:
    assert unexplained(delivery, DELIVERY, {"*"}) == []


def unexplained(templates: Templates, known: Mapping[str, str], plain: set[str]) -> list[tuple[str, str]]:
    """Findings neither acknowledged nor wildcards whose names are known; `plain` is left to the tests of actions."""
    return [
        (rule, path)
        for rule, path in findings(templates.app)
        if (resource := wildcard(rule)) is None or (resource not in plain and reason(resource, known) is None)
    ]


def test_an_unencrypted_bucket_would_be_found(tmp_path: Path) -> None:
    import aws_cdk as cdk
    from aws_cdk import aws_s3 as s3

    app = cdk.App(analytics_reporting=False, outdir=str(tmp_path))
    s3.CfnBucket(cdk.Stack(app, "stack"), "Bucket")
    assert {rule for rule, _ in findings(app)} >= {"AwsSolutions-S1", "AwsSolutions-S10"}


def allowed(templates: Templates) -> list[tuple[str, Json]]:
    """Every statement that a role has, whichever way it is written."""
    inline = [
        (name, statement)
        for name, policy in templates.named("AWS::IAM::RolePolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    return [*templates.statements(), *inline]


def anywhere(templates: Templates) -> set[str]:
    """Actions that are allowed on all resources."""
    return {
        action
        for _, statement in allowed(templates)
        for action in listed(statement["Action"])
        if "*" in [text(resource) for resource in listed(statement["Resource"])]
    }


def test_all_resources_are_allowed_only_where_there_is_no_smaller_one(
    delivery: Templates, in_a_project: Templates
) -> None:
    assert anywhere(delivery) == set(LAUNCH_NO_RESOURCE) | set(DEPLOY_NO_RESOURCE)
    assert anywhere(in_a_project) == set(NO_RESOURCE) | set(UPSERT_NO_RESOURCE)


def test_no_action_of_delivery_has_a_wildcard(delivery: Templates, in_a_project: Templates) -> None:
    for templates in (delivery, in_a_project):
        assert not [a for _, statement in allowed(templates) for a in listed(statement["Action"]) if "*" in a]


def test_every_pattern_of_delivery_is_needed(delivery: Templates) -> None:
    wild = [resource for rule, _ in findings(delivery.app) if (resource := wildcard(rule)) is not None]
    assert not [known for known in DELIVERY if not any(re.fullmatch(known, resource) for resource in wild)]
