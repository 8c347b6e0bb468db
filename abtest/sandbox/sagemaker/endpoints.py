"""Answers requests about endpoints; what follows in the background is in deployments.py."""

from ministack.core.responses import request_scope

from abtest.sandbox.sagemaker import deployments, endpoint_configs, state, tags
from abtest.sandbox.sagemaker.deployments import CHANGE, IN_PROGRESS, PENDING
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json


@operation("CreateEndpoint")
def create_endpoint(request: Json) -> Json:
    """Creates an endpoint: it is Creating, then InService, or Failed with a FailureReason."""
    name = request["EndpointName"]
    arn = state.arn("endpoint", name)
    config = endpoint_configs.config(request["EndpointConfigName"])
    if name in state.table("endpoints"):
        raise validation(f'Cannot create already existing endpoint "{arn}".')
    record = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": config["EndpointConfigName"],
        "CreationTime": state.now(),
        "LastDeploymentConfig": request.get("DeploymentConfig"),
        PENDING: {"ProductionVariants": deployments.variants_of(config), **deployments.beside(config)},
    }
    state.table("endpoints")[name] = record
    tags.put(arn, request.get("Tags"))
    deployments.start(record, "create", "Creating")
    return {"EndpointArn": arn}


@operation("UpdateEndpoint")
def update_endpoint(request: Json) -> Json:
    """Updates an endpoint to the new configuration; if that fails, it keeps the old one and a FailureReason.

    Weights and instance counts are the new configuration's, unless RetainAllVariantProperties keeps the old. The old
    configuration must not be deleted before.
    """
    record = _updatable(request["EndpointName"])
    endpoint_configs.config(record["EndpointConfigName"])
    config = endpoint_configs.config(request["EndpointConfigName"])
    variants = deployments.variants_of(config)
    if request.get("RetainAllVariantProperties"):
        excluded = [e["VariantPropertyType"] for e in request.get("ExcludeRetainedVariantProperties", [])]
        variants = [_retained(variant, record["ProductionVariants"], excluded) for variant in variants]
    name = config["EndpointConfigName"]
    coming = {"EndpointConfigName": name, "ProductionVariants": variants}
    record["PendingDeploymentSummary"] = {**coming, "StartTime": state.now()}
    record[PENDING] = {**coming, **deployments.beside(config)}
    if not request.get("RetainDeploymentConfig"):
        record["LastDeploymentConfig"] = request.get("DeploymentConfig")
    deployments.start(record, "update", "Updating")
    return {"EndpointArn": record["EndpointArn"]}


def _retained(variant: Json, before: list[Json], excluded: list[str]) -> Json:
    """Returns the variant with the weight and instance count that its namesake has now."""
    old = next((v for v in before if v["VariantName"] == variant["VariantName"]), None)
    if old is None:
        return variant
    kept = [p for p in ("DesiredWeight", "DesiredInstanceCount") if p not in excluded]
    desired = {name: old[name] for name in kept}
    current = {name.replace("Desired", "Current"): value for name, value in desired.items()}
    return {**variant, **desired, **current}


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights(request: Json) -> Json:
    """Updates weights and counts: all hold at once, and the endpoint is InService again."""
    record = _updatable(request["EndpointName"])
    desired = {given["VariantName"]: given for given in request["DesiredWeightsAndCapacities"]}
    unknown = sorted(desired.keys() - {v["VariantName"] for v in record["ProductionVariants"]})
    if unknown:
        raise validation(f'Could not find variant(s) {", ".join(unknown)} in endpoint "{record["EndpointArn"]}".')
    record["ProductionVariants"] = [
        _with_desired(variant, desired.get(variant["VariantName"], {})) for variant in record["ProductionVariants"]
    ]
    deployments.start(record, "weights", "Updating")
    return {"EndpointArn": record["EndpointArn"]}


def _with_desired(variant: Json, given: Json) -> Json:
    return {**variant, **{name: given[name] for name in ("DesiredWeight", "DesiredInstanceCount") if name in given}}


@operation("DescribeEndpoint")
def describe_endpoint(request: Json) -> Json:
    """Describes an endpoint, without ProductionVariants until it was in service for the first time."""
    return endpoint(request["EndpointName"])


@operation("ListEndpoints")
def list_endpoints(request: Json) -> Json:
    found = state.select(state.table("endpoints").values(), request, name="EndpointName", status="EndpointStatus")
    return state.page("Endpoints", found, request)


@operation("DeleteEndpoint")
def delete_endpoint(request: Json) -> Json:
    """Deletes an endpoint: it is Deleting, then gone."""
    record = endpoint(request["EndpointName"])
    _refuse_in_progress(record, "delete")
    deployments.start(record, "delete", "Deleting")
    return {}


def endpoint(name: str) -> Json:
    """Returns the record of an endpoint; ValidationException where there is none."""
    return state.existing("endpoints", name, validation(f'Could not find endpoint "{state.arn("endpoint", name)}".'))


def _updatable(name: str) -> Json:
    record = endpoint(name)
    _refuse_in_progress(record, "update")
    if record["EndpointStatus"] == "Failed":
        raise validation(f'Cannot update endpoint "{record["EndpointArn"]}": it is Failed and can only be deleted.')
    return record


def _refuse_in_progress(record: Json, verb: str) -> None:
    if record["EndpointStatus"] in IN_PROGRESS:
        raise validation(f'Cannot {verb} in-progress endpoint "{record["EndpointArn"]}".')


def recover() -> list[str]:
    """Goes on with the changes that a crash interrupted; models themselves load with the next invocation."""
    sentences = []
    for account, region in state.scopes("endpoints"):
        with request_scope(account, region), state.lock:
            changing = [record for record in state.table("endpoints").values() if CHANGE in record]
            sentences += [deployments.resume(record) for record in changing]
    return sentences
