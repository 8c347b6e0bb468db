import json
from collections.abc import Callable
from typing import Any

import pytest

from abtest.sandbox.sagemaker import endpoints, service, serving, state
from tests.sandbox.sagemaker.artefacts import create_config, create_model
from tests.sandbox.sagemaker.conftest import Gate, Local

pytestmark = pytest.mark.slow

Refused = Callable[..., str]

NAME = "sagemaker-reviews-dev"
ARN = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{NAME}"


@pytest.fixture
def sagemaker(local: Local) -> Any:
    """The client, with the models `a` and `b`, `missing` and `corrupt`, and a configuration of each."""
    urls = {"a": "good", "b": "good", "missing": "none", "corrupt": "bad"}
    for name, folder in urls.items():
        create_model(local.sagemaker, name, f"s3://bucket/{folder}/model.tar.gz")
        create_config(local.sagemaker, name, **{name: 1})
    create_model(local.sagemaker, "image", "s3://bucket/good/model.tar.gz", image="000.dkr.ecr/lightgbm:1")
    create_config(local.sagemaker, "image", image=1)
    create_config(local.sagemaker, "both", a=0.75, b=0.25)
    return local.sagemaker


def create(local: Local, config: str = "both") -> None:
    local.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=config)
    local.settle()


def describe(local: Local) -> dict[str, Any]:
    described: dict[str, Any] = local.sagemaker.describe_endpoint(EndpointName=NAME)
    return described


def weights(local: Local, kind: str = "CurrentWeight") -> dict[str, float]:
    return {v["VariantName"]: v[kind] for v in describe(local)["ProductionVariants"]}


def invoke(local: Local, **arguments: Any) -> str:
    body = b'{"instances": ["detailed"]}'
    answered = local.runtime.invoke_endpoint(EndpointName=NAME, ContentType="application/json", Body=body, **arguments)
    variant: str = answered["InvokedProductionVariant"]
    return variant


@pytest.mark.operation("CreateEndpoint")
@pytest.mark.operation("DescribeEndpoint")
def test_an_endpoint_is_creating_and_then_in_service(local: Local, sagemaker: Any, gate: Gate) -> None:
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="both")
    creating = describe(local)
    assert creating["EndpointStatus"] == "Creating"
    assert "ProductionVariants" not in creating
    gate.set()
    local.settle()
    serving_now = describe(local)
    assert serving_now["EndpointArn"] == ARN
    assert serving_now["EndpointStatus"] == "InService"
    assert serving_now["EndpointConfigName"] == "both"
    assert weights(local) == weights(local, "DesiredWeight") == {"a": 0.75, "b": 0.25}
    assert weights(local, "CurrentInstanceCount") == {"a": 1, "b": 1}


@pytest.mark.operation("CreateEndpoint", error="ValidationException")
def test_an_endpoint_needs_a_known_config_and_a_new_name(local: Local, sagemaker: Any, refused: Refused) -> None:
    create(local)
    again = refused("ValidationException", sagemaker.create_endpoint, EndpointName=NAME, EndpointConfigName="a")
    assert again == f'Cannot create already existing endpoint "{ARN}".'
    unknown = refused("ValidationException", sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="x")
    assert unknown.startswith("Could not find endpoint configuration")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("missing", "Variant missing: Could not find model data at s3://bucket/none/model.tar.gz."),
        ("corrupt", "Variant corrupt: Failed to load the model data at s3://bucket/bad/model.tar.gz"),
        ("image", "Variant image: The sandbox has no implementation of the image 000.dkr.ecr/lightgbm:1."),
    ],
)
def test_an_endpoint_that_cannot_serve_is_failed_with_the_reason(
    local: Local, sagemaker: Any, refused: Refused, config: str, reason: str
) -> None:
    create(local, config)
    described = describe(local)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(reason)
    update = sagemaker.update_endpoint
    assert "Failed" in refused("ValidationException", update, EndpointName=NAME, EndpointConfigName="a")
    sagemaker.delete_endpoint(EndpointName=NAME)
    local.settle()
    assert sagemaker.list_endpoints()["Endpoints"] == []


def test_an_endpoint_whose_model_is_gone_is_failed(local: Local, sagemaker: Any) -> None:
    sagemaker.delete_model(ModelName="b")
    create(local)
    assert describe(local)["FailureReason"].startswith('Variant b: Could not find model "arn:')


@pytest.mark.operation("DescribeEndpoint", error="ValidationException")
def test_an_unknown_endpoint_is_refused(local: Local, refused: Refused) -> None:
    message = refused("ValidationException", local.sagemaker.describe_endpoint, EndpointName=NAME)
    assert message == f'Could not find endpoint "{ARN}".'


@pytest.mark.operation("UpdateEndpoint")
def test_an_update_serves_the_old_variants_until_it_is_done(local: Local, sagemaker: Any, gate: Gate) -> None:
    gate.set()
    create(local, "a")
    gate.clear()
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="both")
    updating = describe(local)
    assert updating["EndpointStatus"] == "Updating"
    assert updating["EndpointConfigName"] == "a"
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "both"
    assert {invoke(local) for _ in range(5)} == {"a"}
    gate.set()
    local.settle()
    updated = describe(local)
    assert updated["EndpointStatus"] == "InService"
    assert updated["EndpointConfigName"] == "both"
    assert "PendingDeploymentSummary" not in updated
    assert weights(local) == {"a": 0.75, "b": 0.25}
    assert invoke(local, TargetVariant="b") == "b"


def test_an_update_is_refused_once_the_config_that_serves_is_deleted(
    local: Local, sagemaker: Any, refused: Refused
) -> None:
    create(local, "a")
    sagemaker.delete_endpoint_config(EndpointConfigName="a")
    message = refused("ValidationException", sagemaker.update_endpoint, EndpointName=NAME, EndpointConfigName="both")
    assert "endpoint-config/a" in message


def test_a_failed_update_rolls_back_to_the_old_variants(local: Local, sagemaker: Any) -> None:
    create(local)
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="missing")
    statuses = [event_status(event) for event in local.settle()]
    assert statuses == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]
    described = describe(local)
    assert described["EndpointConfigName"] == "both"
    assert described["FailureReason"].startswith("Variant missing: Could not find model data")
    assert invoke(local, TargetVariant="a") == "a"
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="a")
    local.settle()
    assert "FailureReason" not in describe(local)


def event_status(event: dict[str, Any]) -> str:
    status: str = json.loads(event["Detail"])["EndpointStatus"]
    return status


def test_an_update_resets_weights_unless_they_are_retained(local: Local, sagemaker: Any) -> None:
    create(local)
    change = [{"VariantName": "a", "DesiredWeight": 0.1, "DesiredInstanceCount": 3}]
    for retained, expected in ((True, ({"a": 0.1}, {"a": 3})), (False, ({"a": 1}, {"a": 1}))):
        sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="both")
        local.settle()
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=change)
        local.settle()
        sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="a", RetainAllVariantProperties=retained)
        local.settle()
        assert (weights(local), weights(local, "CurrentInstanceCount")) == expected


def test_a_retained_property_can_be_excluded_and_new_variants_have_none(local: Local, sagemaker: Any) -> None:
    create(local, "a")
    change = [{"VariantName": "a", "DesiredWeight": 0.1, "DesiredInstanceCount": 3}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=change)
    local.settle()
    sagemaker.update_endpoint(
        EndpointName=NAME,
        EndpointConfigName="both",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    local.settle()
    assert weights(local) == {"a": 0.1, "b": 0.25}
    assert weights(local, "DesiredInstanceCount") == {"a": 1, "b": 1}


@pytest.mark.operation("UpdateEndpointWeightsAndCapacities")
def test_new_weights_hold_all_at_once_after_the_update(local: Local, sagemaker: Any, gate: Gate) -> None:
    gate.set()
    create(local)
    gate.clear()
    change = [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredWeight": 2.0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=change)
    assert describe(local)["EndpointStatus"] == "Updating"
    assert weights(local) == {"a": 0.75, "b": 0.25}
    assert weights(local, "DesiredWeight") == {"a": 0.0, "b": 2.0}
    gate.set()
    assert [event_status(event) for event in local.settle()] == ["UPDATING", "IN_SERVICE"]
    assert weights(local) == {"a": 0.0, "b": 2.0}
    assert {invoke(local) for _ in range(20)} == {"b"}


@pytest.mark.operation("UpdateEndpoint", error="ValidationException")
@pytest.mark.operation("UpdateEndpointWeightsAndCapacities", error="ValidationException")
@pytest.mark.operation("DeleteEndpoint", error="ValidationException")
def test_every_change_is_refused_while_another_runs(local: Local, sagemaker: Any, gate: Gate, refused: Refused) -> None:
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="a")
    change = [{"VariantName": "a", "DesiredWeight": 1.0}]
    weigh = sagemaker.update_endpoint_weights_and_capacities
    said = {
        refused("ValidationException", sagemaker.update_endpoint, EndpointName=NAME, EndpointConfigName="a"),
        refused("ValidationException", weigh, EndpointName=NAME, DesiredWeightsAndCapacities=change),
        refused("ValidationException", sagemaker.delete_endpoint, EndpointName=NAME),
    }
    assert said == {f'Cannot update in-progress endpoint "{ARN}".', f'Cannot delete in-progress endpoint "{ARN}".'}


def test_an_unknown_variant_changes_no_weight(local: Local, sagemaker: Any, refused: Refused) -> None:
    create(local)
    change = [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "x", "DesiredWeight": 1.0}]
    weigh = sagemaker.update_endpoint_weights_and_capacities
    message = refused("ValidationException", weigh, EndpointName=NAME, DesiredWeightsAndCapacities=change)
    assert message == f'Could not find variant(s) x in endpoint "{ARN}".'
    assert weights(local, "DesiredWeight") == {"a": 0.75, "b": 0.25}


@pytest.mark.operation("ListEndpoints")
def test_endpoints_are_listed_by_status_and_name(local: Local, sagemaker: Any) -> None:
    for name, config in (("first", "a"), ("second", "missing"), ("third", "b")):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    local.settle()
    listed = sagemaker.list_endpoints(StatusEquals="InService", SortBy="Name", SortOrder="Ascending")
    assert [endpoint["EndpointName"] for endpoint in listed["Endpoints"]] == ["first", "third"]
    named = sagemaker.list_endpoints(NameContains="SECOND")["Endpoints"]
    assert [endpoint["EndpointStatus"] for endpoint in named] == ["Failed"]


@pytest.mark.operation("ListEndpoints", error="ValidationException")
def test_an_unknown_status_is_refused(local: Local, refused: Refused) -> None:
    refused("ValidationException", local.sagemaker.list_endpoints, StatusEquals="Fine")


@pytest.mark.operation("DeleteEndpoint")
def test_an_endpoint_is_deleting_and_then_gone(local: Local, sagemaker: Any, gate: Gate, refused: Refused) -> None:
    gate.set()
    create(local)
    gate.clear()
    sagemaker.delete_endpoint(EndpointName=NAME)
    assert describe(local)["EndpointStatus"] == "Deleting"
    gate.set()
    assert [event_status(event) for event in local.settle()] == ["DELETING"]
    refused("ValidationException", sagemaker.describe_endpoint, EndpointName=NAME)
    assert serving._loaded == {}


def test_equal_artefacts_are_loaded_once(local: Local, sagemaker: Any) -> None:
    create(local)
    assert len(serving._loaded) == 1


def test_a_change_that_a_crash_interrupted_goes_on(local: Local, sagemaker: Any, gate: Gate) -> None:
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="a")
    saved = service.get_state()
    gate.set()
    local.settle()
    service.reset()
    service.load_persisted_state(saved)
    assert describe(local)["EndpointStatus"] == "Creating"
    assert endpoints.recover() == [f"Endpoint {NAME} was Creating and goes on with that."]
    local.settle()
    assert describe(local)["EndpointStatus"] == "InService"
    assert invoke(local) == "a"
    assert endpoints.recover() == []


def test_a_restored_endpoint_serves_again(local: Local, sagemaker: Any) -> None:
    create(local)
    saved = service.get_state()
    service.reset()
    assert state.table("endpoints").values() == [] and serving._loaded == {}
    service.load_persisted_state(saved)
    assert service.recover() == []
    assert invoke(local, TargetVariant="b") == "b"
