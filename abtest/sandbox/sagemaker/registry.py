"""Keeps the registry: model package groups and model packages."""

from abtest.sandbox.sagemaker import events, state, tags
from abtest.sandbox.sagemaker.errors import ServiceError, validation
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

STATE_CHANGE = "SageMaker Model Package State Change"
PENDING = "PendingManualApproval"

# Members of an update that simply replace the record's.
REPLACED = (
    "ApprovalDescription",
    "InferenceSpecification",
    "ModelApprovalStatus",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "SourceUri",
)


@operation("CreateModelPackageGroup")
def create_group(request: Json) -> Json:
    name = request["ModelPackageGroupName"]
    arn = state.arn("model-package-group", name)
    if _group_named(name):
        raise validation(f"Model Package Group already exists: {arn}")
    kept = {key: value for key, value in request.items() if key != "Tags"}
    state.table("model_package_groups")[name] = {
        **kept,
        "ModelPackageGroupArn": arn,
        "CreationTime": state.now(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_last_version": 0,
    }
    tags.put(arn, request.get("Tags"))
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe_group(request: Json) -> Json:
    return group(request["ModelPackageGroupName"])


@operation("ListModelPackageGroups")
def list_groups(request: Json) -> Json:
    found = state.select(state.table("model_package_groups").values(), request, name="ModelPackageGroupName")
    return state.page("ModelPackageGroupSummaryList", found, request)


@operation("DeleteModelPackageGroup")
def delete_group(request: Json) -> Json:
    record = group(request["ModelPackageGroupName"])
    if _packages_of(record):
        arn = record["ModelPackageGroupArn"]
        raise ServiceError("ConflictException", f"Model Package Group {arn} still contains Model Packages.")
    del state.table("model_package_groups")[record["ModelPackageGroupName"]]
    tags.forget(record["ModelPackageGroupArn"])
    return {}


def group(name_or_arn: str) -> Json:
    """Returns the record of a model package group; ValidationException where there is none."""
    record = _group_named(name_or_arn)
    if record is None:
        arn = name_or_arn if name_or_arn.startswith("arn:") else state.arn("model-package-group", name_or_arn)
        raise validation(f"ModelPackageGroup {arn} does not exist.")
    return record


def _group_named(name_or_arn: str) -> Json | None:
    """Finds the group whose name differs in case at most, since ARNs do not show the case."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else state.arn("model-package-group", name_or_arn)
    groups = state.table("model_package_groups").values()
    return next((g for g in groups if g["ModelPackageGroupArn"] == arn.lower()), None)


def _packages_of(record: Json) -> list[Json]:
    name = record["ModelPackageGroupName"]
    return [p for p in state.table("model_packages").values() if p.get("ModelPackageGroupName") == name]


@operation("CreateModelPackage")
def create_package(request: Json) -> Json:
    """Creates a package, Completed at once: nothing is validated. A repeated ClientToken creates nothing."""
    repeated = _created_with(request.get("ClientToken"))
    if repeated:
        return {"ModelPackageArn": repeated["ModelPackageArn"]}
    record = {
        **{key: value for key, value in request.items() if key not in ("Tags", "ClientToken")},
        **_identity(request),
        "CreationTime": state.now(),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "_client_token": request.get("ClientToken"),
    }
    record.setdefault("CertifyForMarketplace", False)
    state.table("model_packages")[record["ModelPackageArn"]] = record
    tags.put(record["ModelPackageArn"], request.get("Tags"))
    _announce(record)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def _created_with(token: str | None) -> Json | None:
    packages = state.table("model_packages").values() if token else []
    return next((package for package in packages if package.get("_client_token") == token), None)


def _identity(request: Json) -> Json:
    """Returns name, ARN and, in a group, the approval status and the next version, which is never used again."""
    if ("ModelPackageGroupName" in request) == ("ModelPackageName" in request):
        raise validation("Give either ModelPackageName or ModelPackageGroupName.")
    if "ModelPackageName" in request:
        arn = state.arn("model-package", request["ModelPackageName"])
        if arn in state.table("model_packages"):
            raise ServiceError("ConflictException", f"Model Package already exists: {arn}")
        return {"ModelPackageArn": arn}
    record = group(request["ModelPackageGroupName"])
    record["_last_version"] += 1
    name, version = record["ModelPackageGroupName"], record["_last_version"]
    return {
        "ModelPackageName": name,
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
        "ModelPackageArn": state.arn("model-package", f"{name}/{version}"),
        "ModelApprovalStatus": request.get("ModelApprovalStatus", PENDING),
    }


def package(name_or_arn: str) -> Json:
    """Returns the record of a model package by ARN, name, or group/version; ValidationException where there is none."""
    arn = name_or_arn.lower() if name_or_arn.startswith("arn:") else state.arn("model-package", name_or_arn)
    return state.existing("model_packages", arn, validation(f"ModelPackage {arn} does not exist."))


@operation("DescribeModelPackage")
def describe_package(request: Json) -> Json:
    return package(request["ModelPackageName"])


@operation("BatchDescribeModelPackage")
def batch_describe_packages(request: Json) -> Json:
    found = {arn: state.table("model_packages").get(arn.lower()) for arn in request["ModelPackageArnList"]}
    missing = {arn: _unknown(arn) for arn, record in found.items() if record is None}
    return {
        "ModelPackageSummaries": {arn: record for arn, record in found.items() if record is not None},
        "BatchDescribeModelPackageErrorMap": missing,
    }


def _unknown(arn: str) -> Json:
    return {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {arn} does not exist."}


@operation("ListModelPackages")
def list_packages(request: Json) -> Json:
    """Lists packages: without a group unversioned ones only, unless ModelPackageType says otherwise."""
    newest = {
        "CreationTime": lambda p: (p["CreationTime"], p.get("ModelPackageVersion", 0)),
        "Name": lambda p: (p["ModelPackageName"], p.get("ModelPackageVersion", 0)),
    }
    wanted = [p for p in state.table("model_packages").values() if _is_listed(p, request)]
    found = state.select(wanted, request, name="ModelPackageName", sort_keys=newest)
    return state.page("ModelPackageSummaryList", found, request)


def _is_listed(record: Json, request: Json) -> bool:
    in_group = request.get("ModelPackageGroupName")
    kind = request.get("ModelPackageType", "Versioned" if in_group else "Unversioned")
    approval = request.get("ModelApprovalStatus")
    versioned = "ModelPackageVersion" in record
    group_name = record.get("ModelPackageGroupName", "").lower()
    return (
        (kind == "Both" or versioned == (kind == "Versioned"))
        and (approval is None or record.get("ModelApprovalStatus") == approval)
        and (in_group is None or group_name == in_group.rpartition("/")[2].lower())
    )


@operation("UpdateModelPackage")
def update_package(request: Json) -> Json:
    record = package(request["ModelPackageArn"])
    if "ModelApprovalStatus" in request and "ModelPackageVersion" not in record:
        raise validation("ModelApprovalStatus applies to model packages in a group only.")
    before = record.get("ModelApprovalStatus")
    record.update({key: request[key] for key in REPLACED if key in request})
    record["LastModifiedTime"] = state.now()
    _update_metadata(record, request)
    added = request.get("AdditionalInferenceSpecificationsToAdd", [])
    if added:
        record["AdditionalInferenceSpecifications"] = [*record.get("AdditionalInferenceSpecifications", []), *added]
    if record.get("ModelApprovalStatus") != before:
        _announce(record)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def _update_metadata(record: Json, request: Json) -> None:
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    merged = {**(record.get("CustomerMetadataProperties") or {}), **request.get("CustomerMetadataProperties", {})}
    kept = {key: value for key, value in merged.items() if key not in removed}
    record["CustomerMetadataProperties"] = kept or None


@operation("DeleteModelPackage")
def delete_package(request: Json) -> Json:
    arn = package(request["ModelPackageName"])["ModelPackageArn"]
    del state.table("model_packages")[arn]
    tags.forget(arn)
    return {}


def _announce(record: Json) -> None:
    """Sends the event that AWS sends when a package's status or approval changes."""
    detail = {key: value for key, value in record.items() if not key.startswith("_") and value is not None}
    detail["CreationTime"] = events.milliseconds(record["CreationTime"])
    if "LastModifiedTime" in record:
        detail["LastModifiedTime"] = events.milliseconds(record["LastModifiedTime"])
    events.send(STATE_CHANGE, record["ModelPackageArn"], detail)
