from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.sagemaker.artefacts import create_config, create_model, variant
from tests.sandbox.sagemaker.conftest import Local

Refused = Callable[..., str]


@pytest.fixture
def sagemaker(local: Local) -> Iterator[Any]:
    """The client, with the models m0 to m10."""
    for number in range(11):
        create_model(local.sagemaker, f"m{number}", "s3://bucket/good/model.tar.gz")
    yield local.sagemaker


@pytest.mark.operation("CreateEndpointConfig")
@pytest.mark.operation("DescribeEndpointConfig")
def test_a_config_is_described_as_created(sagemaker: Any) -> None:
    create_config(sagemaker, "c", **{f"m{number}": 0.1 for number in range(10)})
    described = sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert described["ProductionVariants"] == [variant(f"m{n}", f"m{n}", 0.1) for n in range(10)]
    assert described["EndpointConfigArn"] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/c"


def test_a_weight_is_one_by_default(sagemaker: Any) -> None:
    given = variant("v", "m0")
    del given["InitialVariantWeight"]
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[given])
    described = sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert described["ProductionVariants"][0]["InitialVariantWeight"] == 1.0


@pytest.mark.operation("CreateEndpointConfig", error="ValidationException")
@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ([variant(f"v{n}", f"m{n}") for n in range(11)], "less than or equal to 10"),
        ([variant("v", "m0"), variant("v", "m1")], "Variant names must be unique in an endpoint configuration: v."),
        ([variant("v", "unknown")], 'Could not find model "arn:'),
        ([{"VariantName": "v", "ModelName": "m0"}], "needs InstanceType and InitialInstanceCount"),
        ([{"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}], "needs a ModelName"),
        ([{**variant("v", "m0"), "InstanceType": "ml.huge"}], "Member must satisfy enum value set"),
    ],
)
def test_a_config_is_refused(sagemaker: Any, refused: Refused, variants: list[Any], said: str) -> None:
    create = sagemaker.create_endpoint_config
    assert said in refused("ValidationException", create, EndpointConfigName="c", ProductionVariants=variants)


def test_a_config_is_created_once_and_with_one_shadow_beside_one_variant(sagemaker: Any, refused: Refused) -> None:
    create_config(sagemaker, "c", m0=1)
    create = sagemaker.create_endpoint_config
    arguments: dict[str, Any] = {"ProductionVariants": [variant("v", "m0")]}
    assert "already existing" in refused("ValidationException", create, EndpointConfigName="c", **arguments)
    arguments["ShadowProductionVariants"] = [variant("s", "m1")]
    create(EndpointConfigName="shadow", **arguments)
    assert sagemaker.describe_endpoint_config(EndpointConfigName="shadow")["ShadowProductionVariants"] == [
        variant("s", "m1")
    ]
    arguments["ProductionVariants"].append(variant("w", "m2"))
    assert "one production variant" in refused("ValidationException", create, EndpointConfigName="d", **arguments)
    arguments["ProductionVariants"] = [variant("s", "m0")]
    assert "must be unique" in refused("ValidationException", create, EndpointConfigName="d", **arguments)


@pytest.mark.operation("DescribeEndpointConfig", error="ValidationException")
def test_an_unknown_config_is_refused(sagemaker: Any, refused: Refused) -> None:
    message = refused("ValidationException", sagemaker.describe_endpoint_config, EndpointConfigName="c")
    assert message == (
        'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/c".'
    )


@pytest.mark.operation("ListEndpointConfigs")
def test_configs_are_listed(sagemaker: Any) -> None:
    for name in ("a", "b"):
        create_config(sagemaker, name, m0=1)
    listed = sagemaker.list_endpoint_configs(SortBy="Name", SortOrder="Descending")["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in listed] == ["b", "a"]


@pytest.mark.operation("ListEndpointConfigs", error="ValidationException")
def test_a_sort_key_is_refused(sagemaker: Any, refused: Refused) -> None:
    refused("ValidationException", sagemaker.list_endpoint_configs, SortBy="Status")


@pytest.mark.operation("DeleteEndpointConfig")
@pytest.mark.operation("DeleteEndpointConfig", error="ValidationException")
def test_a_config_is_deleted_once(sagemaker: Any, refused: Refused) -> None:
    create_config(sagemaker, "c", m0=1)
    sagemaker.delete_endpoint_config(EndpointConfigName="c")
    refused("ValidationException", sagemaker.delete_endpoint_config, EndpointConfigName="c")
