"""Endpoint configurations say which models an endpoint serves, with which weights."""

from abtest.sandbox.sagemaker import models, state, tags
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

SHADOWS = "ShadowProductionVariants"


@operation("CreateEndpointConfig")
def create_config(request: Json) -> Json:
    """Creates a configuration of at most 10 variants (the service model's bound), each of a known model.

    A shadow variant stands beside one production variant only.
    """
    name = request["EndpointConfigName"]
    arn = state.arn("endpoint-config", name)
    if name in state.table("endpoint_configs"):
        raise validation(f'Cannot create already existing endpoint configuration "{arn}".')
    shadows = request.get(SHADOWS, [])
    if shadows and (len(shadows), len(request["ProductionVariants"])) != (1, 1):
        raise validation("An endpoint configuration with a shadow variant has one of them and one production variant.")
    variants = _variants([*request["ProductionVariants"], *shadows])
    kept = {key: value for key, value in request.items() if key != "Tags"}
    state.table("endpoint_configs")[name] = {
        **kept,
        "ProductionVariants": variants[: len(request["ProductionVariants"])],
        **({SHADOWS: variants[-1:]} if shadows else {}),
        "EndpointConfigArn": arn,
        "CreationTime": state.now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }
    tags.put(arn, request.get("Tags"))
    return {"EndpointConfigArn": arn}


def _variants(given: list[Json]) -> list[Json]:
    names = [variant["VariantName"] for variant in given]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise validation(f"Variant names must be unique in an endpoint configuration: {', '.join(repeated)}.")
    return [_variant(variant) for variant in given]


def _variant(given: Json) -> Json:
    if "ModelName" not in given:
        raise validation(f"The variant {given['VariantName']} needs a ModelName.")
    models.model(given["ModelName"])
    if "ServerlessConfig" not in given and not {"InstanceType", "InitialInstanceCount"} <= given.keys():
        raise validation(f"The variant {given['VariantName']} needs InstanceType and InitialInstanceCount.")
    return {"InitialVariantWeight": 1.0, **given}


@operation("DescribeEndpointConfig")
def describe_config(request: Json) -> Json:
    return config(request["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_configs(request: Json) -> Json:
    found = state.select(state.table("endpoint_configs").values(), request, name="EndpointConfigName")
    return state.page("EndpointConfigs", found, request)


@operation("DeleteEndpointConfig")
def delete_config(request: Json) -> Json:
    record = config(request["EndpointConfigName"])
    del state.table("endpoint_configs")[record["EndpointConfigName"]]
    tags.forget(record["EndpointConfigArn"])
    return {}


def config(name: str) -> Json:
    """Returns the record of an endpoint configuration; ValidationException where there is none."""
    return state.existing(
        "endpoint_configs",
        name,
        validation(f'Could not find endpoint configuration "{state.arn("endpoint-config", name)}".'),
    )
