"""An endpoint that somebody else made takes part by its tags: adopted, rebalanced, changed, deleted, and back again."""

import json
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.sandbox.functions import ROLE, ended
from tests.sandbox.sagemaker.artefacts import IMAGE
from tests.workflows.stage import Stage
from tests.workflows.test_rebalance import hour, lines

pytestmark = pytest.mark.slow

ENABLED = [{"Key": "ab-testing:enabled", "Value": "true"}, {"Key": "ab-testing:strategy", "Value": "ThompsonSampling"}]


class Adopting(Stage):
    """A stage that looks after `sagemaker-adopts-churn` by events, and through which all its helpers then look."""

    def follow(self) -> "Adopting":
        self.deploy("rebalance", "rebalance_all")
        self.endpoint_name = "sagemaker-adopts-churn"
        function = self._function("EndpointChanged")
        detail = {"EndpointName": [{"prefix": "sagemaker-adopts-"}], "EndpointStatus": ["IN_SERVICE", "DELETING"]}
        pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"], "detail": detail}
        events = self.sandbox.client("events")
        events.put_rule(Name="adopts", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="adopts", Targets=[{"Id": "1", "Arn": function}])
        for name, artefact in (("a", "good"), ("b", "other"), ("c", "good")):
            container = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.project}/{artefact}.tar.gz"}
            self.sagemaker.create_model(ModelName=f"adopts-{name}", ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return self

    def config_of(self, *names: str) -> str:
        variants = [{"VariantName": name, "ModelName": f"adopts-{name}", "InitialVariantWeight": 1.0} for name in names]
        config = f"adopts-{'-'.join(names)}"
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[v | {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1} for v in variants],
        )
        return config

    def status(self) -> str:
        """Of the endpoint; empty if there is none."""
        found = self.endpoints()
        return found[0]["EndpointStatus"] if found else ""

    def experiment(self) -> dict[str, Any] | None:
        return self.items().get("EXPERIMENT")

    def rebalance(self) -> dict[str, Any]:
        """The Decision of the execution that rebalance-all starts for the endpoint."""
        before = {execution["executionArn"] for execution in self.executions("rebalance")}
        assert self.run("rebalance_all")["status"] == "SUCCEEDED"
        new = [arn for arn in (e["executionArn"] for e in self.executions("rebalance")) if arn not in before]
        done = [ended(self.sandbox, arn, 60) for arn in new]
        (ours,) = (one for one in done if json.loads(one["input"])["endpoint_name"] == self.endpoint_name)
        assert ours["status"] == "SUCCEEDED", ours
        decision: dict[str, Any] = json.loads(ours["output"])["decision"]
        return decision


def test_from_tags_to_retirement_and_back(sandbox: Sandbox) -> None:
    stage = Adopting(sandbox, "adopts", exploration_floor=0.05).follow()
    stage.sagemaker.create_endpoint(
        EndpointName=stage.endpoint_name, EndpointConfigName=stage.config_of("a", "b"), Tags=ENABLED
    )
    begun = wait_for(stage.experiment, 60)
    assert begun["experiment_id"]["S"] == "sagemaker-adopts-churn-v0-1"

    stage.put_events("first", lines(stage, "a", 100, 20) + lines(stage, "b", 100, 60), hour(stage))
    assert stage.rebalance()["counts"]["b"]["reward_sum"] == 60
    assert stage.weights() == pytest.approx({"a": 0.05, "b": 0.95}, abs=1e-3)

    # The IN_SERVICE that ended the move, and perhaps its double, came before that of the update: nothing was reset.
    stage.sagemaker.update_endpoint(EndpointName=stage.endpoint_name, EndpointConfigName=stage.config_of("a", "b", "c"))
    wait_for(lambda: "c" in stage.items()["EXPERIMENT"]["shares"]["M"], 60)
    joined = stage.rebalance()
    assert [joined["number"], joined["counts"]["b"]["invocation_count"]] == [3, 100]
    assert stage.weights() == pytest.approx(joined["new_shares"], abs=1e-3)

    wait_for(lambda: stage.status() == "InService", 60)
    stage.sagemaker.delete_endpoint(EndpointName=stage.endpoint_name)
    wait_for(lambda: stage.experiment() is None and not stage.status(), 60)
    (past,) = (item for key, item in stage.items().items() if key.startswith("PAST#"))
    assert past["counts"]["M"]["b"]["M"]["invocation_count"]["N"] == "100"
    assert json.loads(stage.run("rebalance")["output"])["running"] is False

    stage.sagemaker.create_endpoint(EndpointName=stage.endpoint_name, EndpointConfigName="adopts-a-b-c", Tags=ENABLED)
    back = wait_for(stage.experiment, 60)
    assert back["decision_count"]["N"] == "3"
    assert not any(key.startswith("PAST#") for key in stage.items())
    assert stage.rebalance()["counts"]["b"]["invocation_count"] == 100
