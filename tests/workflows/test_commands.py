"""From two approvals to moved weights by the commands, on the deployed stage and through its API."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abtest.adapters.api_client import ApiClient
from tests.conftest import ROOT, Sandbox, wait_for
from tests.sandbox.sagemaker.artefacts import IMAGE, model_tar

pytestmark = pytest.mark.slow

DATA = json.dumps({"instances": ["long and detailed"]})
USERS = 120


class Commands:
    """`abtest ... --stage demo --json` against the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("abtest")), *arguments, "--stage", "demo", "--json"]
        return subprocess.run(command, env=self._sandbox.env, cwd=ROOT, check=False, capture_output=True, text=True)

    def __call__(self, *arguments: str) -> Any:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def register(sandbox: Sandbox, outputs: dict[str, str], group: str, *, inverted: bool) -> None:
    key = f"models/{group}.tar.gz"
    sandbox.client("s3").put_object(Bucket=outputs["BucketName"], Key=key, Body=model_tar(inverted=inverted))
    sandbox.client("sagemaker").create_model_package(
        ModelPackageGroupName=outputs[group],
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{outputs['BucketName']}/{key}"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def play(api: ApiClient, endpoint_name: str) -> int:
    """Users who convert if the challenger served them; returns how many events that makes."""
    conversions = 0
    for number in range(USERS):
        body = {"endpoint_name": endpoint_name, "user_id": f"user{number}", "data": DATA}
        status, answer = api.post("/invocation", body)
        assert status == 201, answer
        if answer["endpoint_variant"].startswith("Challenger"):
            conversions += 1
            assert api.post("/conversion", answer | {"reward": 1.0})[0] == 200
    return USERS + conversions


def test_two_approvals_end_in_moved_weights(
    deployed: dict[str, str], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    abtest = Commands(sandbox)
    for group, inverted in (("ChampionGroupName", False), ("ChallengerGroupName", True)):
        register(sandbox, deployed, group, inverted=inverted)
    approved = abtest("models", "approve", "champion", "challenger", "--wait")
    assert [row["status"] for row in approved] == ["Approved"] * 2
    served = [variant["variant_name"] for variant in abtest("status")["variants"]]
    assert [row["variant_name"] for row in approved] == served

    for name, value in sandbox.env.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    expected = play(ApiClient(deployed["ApiEndpoint"]), deployed["EndpointName"])
    decision = wait_for(lambda: counted(abtest, expected), 120)
    (champion,) = (name for name in decision["new_shares"] if name.startswith("Champion"))
    assert decision["new_shares"][champion] < 0.1
    status = abtest("status")
    assert sum(variant["invocation_count"] for variant in status["variants"]) == USERS
    assert abtest("history")[-1] == decision
    endpoint = sandbox.client("sagemaker").describe_endpoint(EndpointName=deployed["EndpointName"])
    weights = {variant["VariantName"]: variant["CurrentWeight"] for variant in endpoint["ProductionVariants"]}
    assert weights == pytest.approx(decision["new_shares"])


def counted(abtest: Commands, events: int) -> Any:
    """The Decision of a rebalance, if all events had arrived by then."""
    decision = abtest("rebalance", "--wait")["decision"]
    counts = decision["counts"].values()
    seen = sum(variant["invocation_count"] + variant["conversion_count"] for variant in counts)
    return decision if seen == events else None
