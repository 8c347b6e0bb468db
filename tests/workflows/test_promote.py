"""From a decided experiment to the winner alone on the endpoint, without a person, in the sandbox."""

import json
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.workflows.stage import Stage
from tests.workflows.test_rebalance import decisions, hour, lines

pytestmark = pytest.mark.slow


def decided(stage: Stage) -> tuple[str, str]:
    """Puts two variants on trial, of which the challenger wins at the next rebalance; returns their names."""
    champion, challenger = stage.trial()
    events = lines(stage, champion, 80, 8) + lines(stage, challenger, 80, 72)
    stage.put_events("won", events, hour(stage))
    return champion, challenger


def rebalanced(stage: Stage, machine: str = "rebalance") -> str:
    """The status of the Decision that the machine applies."""
    ended = stage.run(machine)
    assert ended["status"] == "SUCCEEDED", ended
    status: str = json.loads(ended["output"])["decision"]["status"]
    return status


def champions(stage: Stage) -> list[dict[str, Any]]:
    """The versions of the champion's group, newest first."""
    group = stage.groups["champion"]
    found = stage.sagemaker.list_model_packages(ModelPackageGroupName=group, SortOrder="Descending")
    arns = [summary["ModelPackageArn"] for summary in found["ModelPackageSummaryList"]]
    return [stage.sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]


def promoted(stage: Stage) -> dict[str, Any]:
    """What one run of promote says."""
    ended = stage.run("promote")
    assert ended["status"] == "SUCCEEDED", ended
    said: dict[str, Any] = json.loads(ended["output"])
    return said


def test_a_decision_promotes_the_winner_and_the_loser_is_served_no_more(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "promotes", warmup=10, promotion="automatic", promotion_approver="Release board").deploy()
    _, challenger = decided(stage)
    won = next(
        v["M"] for v in stage.items()["EXPERIMENT"]["variants"]["L"] if v["M"]["variant_name"]["S"] == challenger
    )
    stage.start_on_approval()

    # Nothing listens to the decision yet, as in a stage that promotes by hand.
    assert rebalanced(stage) == "decided"
    assert len(champions(stage)) == 1
    assert stage.executions("promote") == []

    stage.start_on_decision()
    before = stage.items()["EXPERIMENT"]["experiment_id"]["S"]
    assert rebalanced(stage) == "decided"
    wait_for(lambda: stage.items()["EXPERIMENT"]["experiment_id"]["S"] != before, 60)
    assert stage.weights() == {"Champion2": 1.0}
    made, _ = champions(stage)
    assert made["ModelApprovalStatus"] == "Approved"
    assert made["CustomerMetadataProperties"] == {
        "ApprovedBy": "Release board",
        "PromotedFrom": won["model_package_arn"]["S"],
        "PromotedIn": before,
    }

    # The experiment has gone on: an event that comes late, or twice, changes nothing.
    assert promoted(stage)["message"] == f"Nothing is decided on {stage.endpoint_name}."
    assert len(champions(stage)) == 2


def test_without_an_approver_the_winner_waits_and_is_registered_once(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "waits", warmup=10, promotion="automatic").deploy()
    served = set(decided(stage))
    won = stage.sagemaker.list_model_packages(ModelPackageGroupName=stage.groups["challenger"])
    (arn,) = [summary["ModelPackageArn"] for summary in won["ModelPackageSummaryList"]]
    stage.start_on_decision()

    # Who was rejected is not promoted. That is no failure, which would come again with each interval.
    stage.approve(arn, "Rejected")
    assert rebalanced(stage) == "decided"
    (left,) = stage.settled(1, "promote")
    assert left["status"] == "SUCCEEDED"
    assert promoted(stage)["message"] == "Challenger1 is rejected in the registry: approve it first, or let it be"
    assert len(champions(stage)) == 1

    stage.approve(arn)
    for _ in range(2):  # each announces the winner anew
        assert rebalanced(stage) == "decided"
    stage.settled(4, "promote")
    assert promoted(stage)["change"] == "none"
    assert [package["ModelApprovalStatus"] for package in champions(stage)] == ["PendingManualApproval", "Approved"]
    assert set(stage.weights()) == served


def test_an_announcement_that_fails_leaves_the_decision_applied(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "unheard", warmup=10, promotion="automatic").deploy()
    decided(stage)
    stage.spoil("rebalance", "AnnounceWinner", Entries=[{"Source": "aws.abtest", "DetailType": "x", "Detail": "{}"}])
    assert rebalanced(stage, "spoiled") == "decided"
    assert decisions(stage) == ["000001"]
    assert stage.items()["EXPERIMENT"]["status"]["S"] == "decided"
    states = [
        event["stateEnteredEventDetails"]["name"] for event in history(stage) if "stateEnteredEventDetails" in event
    ]
    assert states[-2:] == ["AnnounceWinner", "Done"]
    assert len(champions(stage)) == 1

    stage.start_on_decision()
    assert rebalanced(stage) == "decided"  # and announces it again
    wait_for(lambda: len(champions(stage)) == 2)


def history(stage: Stage) -> list[dict[str, Any]]:
    """Of the last execution of the spoiled machine."""
    (execution,) = stage.executions("spoiled")
    found: list[dict[str, Any]] = stage.states.get_execution_history(executionArn=execution["executionArn"])["events"]
    return found
