"""InvokeEndpoint chooses the variant that answers, and counts and captures what it answers."""

import dataclasses
import json
import logging
import random
import re
import threading
import time
from urllib.parse import unquote

from ministack.core.responses import get_account_id, get_region

from abtest.sandbox.model_server import ClientFault
from abtest.sandbox.sagemaker import background, captures, metrics, serving, state
from abtest.sandbox.sagemaker.captures import Request
from abtest.sandbox.sagemaker.endpoint_configs import SHADOWS
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.wire import Json

logger = logging.getLogger("sagemaker.inference")

Response = tuple[int, dict[str, str], bytes]

PATH = re.compile(r"^/endpoints/([^/]+)/invocations$")
MOST_BYTES = 6 * 1024 * 1024  # of a request's body
SERVING = ("InService", "Updating", "RollingBack")

HEADER = "X-Amzn-SageMaker-"
ECHOED = ("Inference-Id", "Custom-Attributes")

_draws: dict[str, random.Random] = {}
_lock = threading.Lock()


class InvocationError(ServiceError):
    """An error of sagemaker-runtime, with the members that its model gives it."""

    def __init__(self, code: str, message: str, status: int, **members: object) -> None:
        super().__init__(code, message, status)
        self.members = members


def respond(path: str, headers: dict[str, str], body: bytes) -> Response:
    """Returns the HTTP response to `POST /endpoints/{name}/invocations`; header names are in lower case."""
    found = PATH.match(path)
    assert found, f"{path} is no path of an invocation"
    try:
        return _invoke(unquote(found[1]), headers, body)
    except InvocationError as fault:
        content = json.dumps({"Message": fault.message, **fault.members}).encode()
        return fault.status, {"Content-Type": "application/json", "x-amzn-ErrorType": fault.code}, content


def _invoke(name: str, headers: dict[str, str], body: bytes) -> Response:
    started = time.perf_counter()
    if len(body) > MOST_BYTES:
        raise InvocationError("413", f"HTTP content length exceeded {MOST_BYTES} bytes.", 413)
    variant = _chosen(name, headers.get(f"{HEADER}Target-Variant".lower()))
    content_type = headers.get("content-type", "application/octet-stream")
    request, shadows = _beside(name, body, content_type, headers)
    for shadow in shadows:  # nobody sees what it answers, or that it fails
        if random.random() * variant["CurrentWeight"] < shadow["CurrentWeight"]:
            background.spawn(_asked, request, shadow, started)
    outcome = _asked(request, variant, started)
    if outcome.status != 200:
        raise _model_error(name, outcome)
    echoed = {f"{HEADER}{h}": headers[f"{HEADER}{h}".lower()] for h in ECHOED if f"{HEADER}{h}".lower() in headers}
    chosen = {"Content-Type": outcome.kind, "x-Amzn-Invoked-Production-Variant": variant["VariantName"]}
    return 200, chosen | echoed, outcome.answer


def _beside(name: str, body: bytes, content_type: str, headers: dict[str, str]) -> tuple[Request, list[Json]]:
    """Returns what is captured of the request, and the shadow variants that see it too."""
    with state.lock:
        record = state.table("endpoints").get(name, {})
        shadows, capture = record.get(SHADOWS, []), record.get("_capture")
    inference_id = headers.get(f"{HEADER}Inference-Id".lower())
    request = Request(name, body, content_type, headers.get("accept"), inference_id, captures.sampled(capture))
    return request, shadows


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What a variant's model made of a request: an `answer` of the content type `kind`, or the `reason` of none."""

    status: int
    answer: bytes = b""
    kind: str = ""
    reason: str = ""


def _asked(request: Request, variant: Json, started: float) -> _Outcome:
    """Asks a variant, counts what comes of it and captures the answer; the request came at `started` (perf_counter)."""
    model_seconds = 0.0
    try:
        server = serving.server(variant["_key"], variant["_image"], variant["_url"])
        asked = time.perf_counter()
        try:
            answer, kind = server.respond(request.body, request.content_type, request.accept)
        finally:
            model_seconds = time.perf_counter() - asked
        captures.keep(request, variant, answer, kind)
        outcome = _Outcome(200, answer, kind)
    except ClientFault as fault:
        outcome = _Outcome(fault.status, reason=str(fault))
    except Exception as error:
        logger.exception("the variant %s of %s failed", variant["VariantName"], request.endpoint_name)
        outcome = _Outcome(500, reason=str(error))
    _count(request.endpoint_name, variant, outcome.status, model_seconds, time.perf_counter() - started)
    return outcome


def _chosen(name: str, target: str | None) -> Json:
    with state.lock:
        record = state.table("endpoints").get(name, {})
        variants: list[Json] = record.get("ProductionVariants", [])
        serves = record.get("EndpointStatus") in SERVING
    if not variants or not serves:
        raise InvocationError("ValidationError", f"Endpoint {name} of account {get_account_id()} not found.", 400)
    if target is None:
        return _drawn(name, variants)
    for variant in variants:
        if variant["VariantName"] == target:
            return variant
    raise InvocationError("ValidationError", f"Variant {target} not found for endpoint {name}.", 400)


def _drawn(name: str, variants: list[Json]) -> Json:
    """Draws a variant by current weights; each run of the sandbox repeats an endpoint's sequence of draws."""
    weights = [variant["CurrentWeight"] for variant in variants]
    if not any(weights):
        raise InvocationError("ValidationError", f"Every variant of endpoint {name} has weight 0.", 400)
    with _lock:
        generator = _draws.setdefault(f"{get_account_id()}/{get_region()}/{name}", random.Random(name))
        return generator.choices(variants, weights)[0]


def forget_draws() -> None:
    """Begins every endpoint's sequence of draws anew."""
    with _lock:
        _draws.clear()


def _model_error(name: str, outcome: _Outcome) -> InvocationError:
    side = "client" if outcome.status < 500 else "server"
    return InvocationError(
        "ModelError",
        f'Received {side} error ({outcome.status}) from primary with message "{outcome.reason}".',
        424,
        OriginalStatusCode=outcome.status,
        OriginalMessage=outcome.reason,
        LogStreamArn=f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:/aws/sagemaker/Endpoints/{name}",
    )


def _count(name: str, variant: Json, status: int, model_seconds: float, total_seconds: float) -> None:
    microseconds = 1_000_000
    metrics.record(
        name,
        variant["VariantName"],
        {
            "Invocations": 1,
            "Invocation4XXErrors": int(400 <= status < 500),
            "Invocation5XXErrors": int(status >= 500),
            "ModelLatency": round(model_seconds * microseconds),
            "OverheadLatency": round((total_seconds - model_seconds) * microseconds),
        },
    )
