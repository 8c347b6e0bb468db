"""Changes an endpoint behind the requests: models are loaded, statuses change, events are sent."""

from collections.abc import Callable

from abtest.sandbox import settings
from abtest.sandbox.sagemaker import background, events, models, serving, state, tags
from abtest.sandbox.sagemaker.endpoint_configs import SHADOWS
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.wire import Json

STATE_CHANGE = "SageMaker Endpoint State Change"

# An endpoint in one of these refuses every other change.
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")

EVENT_STATUS = {
    "Creating": "CREATING",
    "InService": "IN_SERVICE",
    "Updating": "UPDATING",
    "RollingBack": "ROLLING_BACK",
    "Deleting": "DELETING",
    "Failed": "FAILED",
}

LONGEST_REASON = 1024  # characters of a FailureReason

# What a record keeps while it changes: the change's name, and the variants that it brings.
CHANGE, PENDING = "_change", "_pending"


def variants_of(config: Json) -> list[Json]:
    """Returns the variants of an endpoint configuration as an endpoint describes them, not yet loaded."""
    return [_variant(given) for given in config["ProductionVariants"]]


def beside(config: Json) -> Json:
    """Returns what an endpoint takes from its configuration beside the variants: shadows, and data capture."""
    found: Json = {"_capture": config.get("DataCaptureConfig")}
    if SHADOWS in config:
        found[SHADOWS] = [_variant(given) for given in config[SHADOWS]]
    capture = config.get("DataCaptureConfig")
    if capture:
        enabled = capture.get("EnableCapture", True)
        found["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return found


def _variant(given: Json) -> Json:
    count = given.get("InitialInstanceCount", 1)
    return {
        "VariantName": given["VariantName"],
        "CurrentWeight": given["InitialVariantWeight"],
        "DesiredWeight": given["InitialVariantWeight"],
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
        "_model_name": given["ModelName"],
    }


def start(record: Json, change: str, status: str) -> None:
    """Puts an endpoint into `status` and runs the change (a key of CHANGES) in the background."""
    record[CHANGE] = change
    set_status(record, status)
    background.spawn(_run, record)


def _run(record: Json) -> None:
    """Makes a change. A deleted endpoint is left alone, and a change that a stop interrupts is resumed later."""
    seconds, prepare, finish = CHANGES[record[CHANGE]]
    problem = prepare(record)
    if background.stopping.wait(seconds()):
        return
    with state.lock:
        if state.table("endpoints").get(record["EndpointName"]) is not record:
            return
        del record[CHANGE]
        finish(record, problem)
        serving.keep_only(_keys_in_use())


def resume(record: Json) -> str:
    """Runs again, after a crash, the change that was running; returns a sentence about it."""
    background.spawn(_run, record)
    return f"Endpoint {record['EndpointName']} was {record['EndpointStatus']} and goes on with that."


def set_status(record: Json, status: str) -> None:
    record["EndpointStatus"] = status
    record["LastModifiedTime"] = state.now()
    events.send(STATE_CHANGE, record["EndpointArn"], _detail(record))


def _detail(record: Json) -> Json:
    times = {key: events.milliseconds(record[key]) for key in ("CreationTime", "LastModifiedTime")}
    shown = ("EndpointName", "EndpointArn", "EndpointConfigName", "FailureReason")
    own_tags = {tag["Key"]: tag["Value"] for tag in state.table("tags").get(record["EndpointArn"], [])}
    return {
        **{key: record[key] for key in shown if key in record},
        **times,
        "EndpointStatus": EVENT_STATUS[record["EndpointStatus"]],
        "ProductionVariants": [_public(variant) for variant in record.get("ProductionVariants", [])],
        "Tags": own_tags,
    }


def _public(variant: Json) -> Json:
    return {key: value for key, value in variant.items() if not key.startswith("_")}


def _nothing(_: Json) -> str | None:
    return None


def _load_pending(record: Json) -> str | None:
    """Loads the models of the coming variants; returns why one cannot be served, or None."""
    pending = record[PENDING]
    for variant in [*pending["ProductionVariants"], *pending.get(SHADOWS, [])]:
        try:
            _load(variant)
        except (serving.LoadFailure, ServiceError) as error:
            reason = error.message if isinstance(error, ServiceError) else str(error)
            return f"Variant {variant['VariantName']}: {reason}"[:LONGEST_REASON]
    return None


def _load(variant: Json) -> None:
    """Loads a variant's model, which it keeps serving whatever becomes of the model's record."""
    with state.lock:
        container = models.container(variant["_model_name"])
        role = models.model(variant["_model_name"]).get("ExecutionRoleArn", "")
    image, url = container["Image"], container["ModelDataUrl"]
    key = serving.deploy(image, url)
    deployed = {"SpecifiedImage": image, "ResolvedImage": image, "DeploymentTime": state.now()}
    with state.lock:
        variant.update({"_image": image, "_url": url, "_key": key, "_role": role, "DeployedImages": [deployed]})


def _finish_create(record: Json, problem: str | None) -> None:
    pending = record.pop(PENDING)
    if problem:
        record["FailureReason"] = problem
        set_status(record, "Failed")
        return
    record.update(pending)
    set_status(record, "InService")


def _finish_update(record: Json, problem: str | None) -> None:
    """Ends an update. On a problem the old variants, which have served all the time, go on; the reason is kept."""
    pending = record.pop(PENDING)
    record.pop("PendingDeploymentSummary", None)
    if problem:
        record["FailureReason"] = problem
        set_status(record, "RollingBack")
    else:
        record.pop("FailureReason", None)
        for member in (SHADOWS, "DataCaptureConfig"):
            record.pop(member, None)
        record.update(pending)
    set_status(record, "InService")


def _finish_weights(record: Json, _: str | None) -> None:
    record["ProductionVariants"] = [
        {**v, "CurrentWeight": v["DesiredWeight"], "CurrentInstanceCount": v["DesiredInstanceCount"]}
        for v in record["ProductionVariants"]
    ]
    set_status(record, "InService")


def _finish_delete(record: Json, _: str | None) -> None:
    del state.table("endpoints")[record["EndpointName"]]
    tags.forget(record["EndpointArn"])


def _keys_in_use() -> set[str]:
    """Returns, of every account and region, the models that serve and those that a change brings."""
    holders = [r for record in state.every_record("endpoints") for r in (record, record.get(PENDING, {}))]
    kinds = ("ProductionVariants", SHADOWS)
    return {v["_key"] for holder in holders for kind in kinds for v in holder.get(kind, []) if "_key" in v}


def _create_seconds() -> float:
    return settings.current().endpoint_create_seconds


def _update_seconds() -> float:
    return settings.current().endpoint_update_seconds


Change = tuple[Callable[[], float], Callable[[Json], str | None], Callable[[Json, str | None], None]]

# How long a change takes, what is done before the wait (it returns a problem or None), and what after it.
CHANGES: dict[str, Change] = {
    "create": (_create_seconds, _load_pending, _finish_create),
    "update": (_update_seconds, _load_pending, _finish_update),
    "weights": (_update_seconds, _nothing, _finish_weights),
    "delete": (_update_seconds, _nothing, _finish_delete),
}
