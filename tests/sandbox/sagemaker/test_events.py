import json
from typing import Any

import pytest

from abtest.sandbox import settings
from abtest.sandbox.sagemaker import background, events
from tests.sandbox.sagemaker.artefacts import IMAGE, create_config, create_model
from tests.sandbox.sagemaker.conftest import Local


def detail(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event["Detail"])
    return found


def register(local: Local) -> str:
    local.sagemaker.create_model_package_group(ModelPackageGroupName="Champion")
    arn: str = local.sagemaker.create_model_package(
        ModelPackageGroupName="Champion", InferenceSpecification={"Containers": [{"Image": IMAGE}]}
    )["ModelPackageArn"]
    return arn


def test_registration_and_approval_are_announced(local: Local) -> None:
    arn = register(local)
    local.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    created, approved = local.settle()
    assert approved["Source"] == "aws.sagemaker"
    assert approved["DetailType"] == "SageMaker Model Package State Change"
    assert approved["Resources"] == [arn]
    assert detail(created)["ModelApprovalStatus"] == "PendingManualApproval"
    said = detail(approved)
    assert said["ModelApprovalStatus"] == "Approved"
    assert said["ModelPackageName"] == said["ModelPackageGroupName"] == "Champion"
    assert said["ModelPackageVersion"] == 1
    assert said["ModelPackageArn"] == arn
    assert said["ModelPackageStatus"] == "Completed"
    assert isinstance(said["CreationTime"], int) and said["CreationTime"] > 1e12
    assert not [key for key in said if key.startswith("_")]


def test_an_endpoint_announces_its_states(local: Local) -> None:
    create_model(local.sagemaker, "a", "s3://bucket/good/model.tar.gz")
    create_config(local.sagemaker, "c", a=0.5)
    tags = [{"Key": "stage", "Value": "dev"}]
    local.sagemaker.create_endpoint(EndpointName="E", EndpointConfigName="c", Tags=tags)
    creating, in_service = local.settle()
    assert creating["DetailType"] == "SageMaker Endpoint State Change"
    assert detail(creating)["EndpointStatus"] == "CREATING"
    said = detail(in_service)
    assert said["EndpointStatus"] == "IN_SERVICE"
    assert said["EndpointConfigName"] == "c"
    assert said["EndpointArn"] == in_service["Resources"][0] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e"
    assert said["Tags"] == {"stage": "dev"}
    assert said["ProductionVariants"][0]["CurrentWeight"] == 0.5
    assert not [key for key in said["ProductionVariants"][0] if key.startswith("_")]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 20), (0.1, 22), (0.5, 30), (1.0, 40)])
def test_a_share_of_the_events_is_sent_twice(local: Local, share: float, expected: int) -> None:
    settings.use(settings.Settings(duplicate_events=share))
    for number in range(20):
        events.send("Test", "arn", {"number": number})
    numbers = [detail(event)["number"] for event in local.settle()]
    assert len(numbers) == expected
    assert numbers == sorted(numbers)


def test_the_pump_delivers_what_is_queued_before_it_ends(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    events.send("Test", "arn", {})
    monkeypatch.setattr(background.stopping, "is_set", lambda: True)
    events.pump()
    assert len(local.events) == 1


def test_a_failing_target_does_not_hold_up_the_next_event(
    local: Local, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def put(entry: dict[str, Any]) -> None:
        local.events.append(entry)
        if len(local.events) == 1:
            raise KeyError("a target")

    monkeypatch.setattr(events, "_put", put)
    for _ in range(2):
        events.send("Test", "arn", {})
    assert len(local.settle()) == 2
    assert "could not be put on the bus" in caplog.text
