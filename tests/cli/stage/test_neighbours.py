"""Two projects of which one's name begins the other's do not live side by side: their roles would reach each other."""

import datetime

import boto3
import pytest
from botocore.stub import Stubber

from abtest.cli.shown.output import UserError
from abtest.cli.stage import neighbours
from abtest.cli.stage.stacks import PARTS


def deployed(monkeypatch: pytest.MonkeyPatch, **status_by_part: str) -> None:
    """The stage `dev` of the project reviews-x, and a stack of somebody else's."""
    status = {f"reviews-x-dev-{part}": status_by_part.get(part, "CREATE_COMPLETE") for part in PARTS}
    now = datetime.datetime.now(datetime.UTC)
    listed = [
        {"StackName": name, "StackStatus": what, "CreationTime": now}
        for name, what in {**status, "reviews-some-data": "CREATE_COMPLETE"}.items()
    ]
    client = boto3.client("cloudformation", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    stub = Stubber(client)
    stub.add_response("list_stacks", {"StackSummaries": listed[:2], "NextToken": "more"}, {})
    stub.add_response("list_stacks", {"StackSummaries": listed[2:]}, {"NextToken": "more"})
    stub.activate()
    monkeypatch.setattr(neighbours, "client", lambda: client)


@pytest.mark.parametrize("project", ["reviews", "reviews-x-y", "reviews-x-dev"])
def test_a_project_that_would_share_endpoints_is_refused(monkeypatch: pytest.MonkeyPatch, project: str) -> None:
    deployed(monkeypatch)
    with pytest.raises(UserError, match=r"project reviews-x is deployed .* begin with sagemaker-reviews-"):
        neighbours.refuse_nested(project)


@pytest.mark.parametrize("project", ["reviews-x", "review", "reviews-xy", "reviews-y", "churn"])
def test_others_live_beside_it(monkeypatch: pytest.MonkeyPatch, project: str) -> None:
    deployed(monkeypatch)
    neighbours.refuse_nested(project)


def test_a_project_that_is_gone_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(monkeypatch, api="DELETE_COMPLETE")
    neighbours.refuse_nested("reviews")


def test_a_stages_name_is_the_last_part_of_its_stacks_names() -> None:
    names = [f"{stage}-{part}" for stage in ("a-b-c", "a-prod", "z-dev") for part in PARTS]
    assert neighbours.projects([*names, "other-dev-data"]) == {"a-b", "a", "z"}
