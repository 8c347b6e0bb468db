import botocore.session
import pytest
from botocore.validate import ParamValidator

from abtest.experiment.record.deployment import Deployment
from abtest.experiment.record.selection import select
from tests.adapters.samples import ENDPOINT, config, package

ROLE = "arn:aws:iam::000000000000:role/models"


def deployment(role: str = ROLE, endpoint_name: str = ENDPOINT, **changes: object) -> Deployment:
    chosen = config(**changes)
    selection = select([package("champion", 1)], [package("challenger", 1, minute=1)], chosen)
    assert selection is not None
    return Deployment(endpoint_name, role, selection)


def test_names_depend_on_what_is_deployed_and_not_on_weights() -> None:
    name = deployment().endpoint_config_name
    assert name == deployment().endpoint_config_name
    weighted = deployment(champion_variant_config={"initial_variant_weight": 9})
    assert weighted.endpoint_config_name == name
    others = [deployment(instance_count=2), deployment(instance_type="ml.c5.large"), deployment(role=f"{ROLE}2")]
    others += [deployment(challenger_variant_count=0), deployment(champion_variant_config={"variant_name": "Old"})]
    assert len({name, *(other.endpoint_config_name for other in others)}) == 6


def test_names_fit_however_long_the_project_and_stage_are() -> None:
    made = deployment(endpoint_name=f"sagemaker-{'p' * 32}-prod")
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateEndpointConfig")
    request = {
        "EndpointConfigName": made.endpoint_config_name,
        "ProductionVariants": made.production_variants({"Champion1": 0.25, "Challenger1": 0.75}),
    }
    assert not ParamValidator().validate(request, shape.input_shape).has_errors()
    assert len(made.endpoint_config_name) <= 63
    assert all(len(name) <= 63 for name in deployment(endpoint_name=f"sagemaker-{'p' * 32}-{'s' * 20}").models)


def test_models_are_named_after_packages_and_role() -> None:
    models = deployment().models
    assert sorted(models.values()) == sorted(package(role, 1).arn for role in ("champion", "challenger"))
    assert not set(models) & set(deployment(role=f"{ROLE}2").models)


def test_a_plan_has_the_champion_first() -> None:
    plan = deployment().plan
    assert plan.champion_version == 1
    assert list(plan.packages) == ["Champion1", "Challenger1"]


@pytest.mark.parametrize(
    ("status", "ours", "action"),
    [
        ("Missing", False, "create"),
        ("Failed", False, "replace"),
        ("Failed", True, "replace"),
        ("InService", True, "register"),
        ("InService", False, "update"),
        ("OutOfService", True, "update"),
    ],
)
def test_what_to_do_with_the_endpoint(status: str, ours: bool, action: str) -> None:
    made = deployment()
    endpoint = {"EndpointStatus": status, "EndpointConfigName": made.endpoint_config_name if ours else "other"}
    assert made.action(endpoint) == action
