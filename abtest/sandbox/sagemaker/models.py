"""Models have an image and an artefact, named directly or by an approved model package."""

from abtest.sandbox.sagemaker import registry, state, tags
from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json


@operation("CreateModel")
def create_model(request: Json) -> Json:
    """Creates a model. The artefact is looked at when an endpoint or a transform job loads it."""
    name = request["ModelName"]
    arn = state.arn("model", name)
    if name in state.table("models"):
        raise validation(f'Cannot create already existing model "{arn}".')
    kept = {key: value for key, value in request.items() if key != "Tags"}
    state.table("models")[name] = {
        **kept,
        "ModelArn": arn,
        "CreationTime": state.now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        "_container": _first_container(request),
    }
    tags.put(arn, request.get("Tags"))
    return {"ModelArn": arn}


@operation("DescribeModel")
def describe_model(request: Json) -> Json:
    return model(request["ModelName"])


@operation("ListModels")
def list_models(request: Json) -> Json:
    found = state.select(state.table("models").values(), request, name="ModelName")
    return state.page("Models", found, request)


@operation("DeleteModel")
def delete_model(request: Json) -> Json:
    record = model(request["ModelName"])
    del state.table("models")[record["ModelName"]]
    tags.forget(record["ModelArn"])
    return {}


def model(name: str) -> Json:
    """Returns the record of a model; ValidationException where there is none."""
    return state.existing("models", name, validation(f'Could not find model "{state.arn("model", name)}".'))


def container(name: str) -> Json:
    """Returns what a model runs, {"Image", "ModelDataUrl", "Environment"}; CreateModel has resolved a package."""
    found: Json = model(name)["_container"]
    return found


def _first_container(request: Json) -> Json:
    if ("PrimaryContainer" in request) == ("Containers" in request):
        raise validation("Give either PrimaryContainer or Containers.")
    containers = request.get("Containers", [request.get("PrimaryContainer")])
    if len(containers) != 1:
        raise validation(f"The sandbox serves models of one container, not of {len(containers)}.")
    return _resolved(containers[0])


def _resolved(given: Json) -> Json:
    if ("Image" in given) == ("ModelPackageName" in given):
        raise validation("A container needs either Image or ModelPackageName.")
    if "ModelPackageName" in given:
        given = {**_container_of(given), "Environment": given.get("Environment", {})}
    source = given.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    return {
        "Image": given["Image"],
        "ModelDataUrl": given.get("ModelDataUrl", source),
        "Environment": given.get("Environment", {}),
    }


def _container_of(given: Json) -> Json:
    """Returns the container of a model package that exists, has one, and, in a group, is approved."""
    package = registry.package(given["ModelPackageName"])
    arn = package["ModelPackageArn"]
    if package.get("ModelApprovalStatus", "Approved") != "Approved":
        raise validation(f"ModelPackage {arn} is not approved: its status is {package['ModelApprovalStatus']}.")
    name = given.get("InferenceSpecificationName")
    others = {s["Name"]: s for s in package.get("AdditionalInferenceSpecifications", [])}
    specification = others.get(name) if name else package.get("InferenceSpecification")
    if not specification:
        raise validation(f"ModelPackage {arn} has no inference specification{f' named {name}' if name else ''}.")
    first: Json = specification["Containers"][0]
    return first
