"""API Gateway's methods with AWS_IAM refuse unsigned requests, also while identities are not verified."""

import datetime
from typing import Any

from ministack import app
from ministack.core import iam_evaluator, sigv4
from ministack.services import apigateway_v1

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

MISSING = ("MissingAuthenticationToken", "Missing Authentication Token")
WRONG_SERVICE = ("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'execute-api'. ")


def install() -> None:
    """Refuses unsigned requests. AWS: 403 with a reason. MiniStack: with AUTH=false everybody may call every method."""
    handle = app._handle_execute_api_request
    apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS["MissingAuthenticationToken"] = (
        "MISSING_AUTHENTICATION_TOKEN",
        "MissingAuthenticationTokenException",
    )

    async def handle_execute_api_request(
        host: str,
        path: str,
        method: str,
        headers: Json,
        body: bytes,
        query: Json,
        raw_path: str | None = None,
        raw_query_string: str | None = None,
    ) -> Any:
        refused = _refusal(host, path, method, headers, body, query, raw_path or path)
        if refused is not None:
            return refused
        return await handle(host, path, method, headers, body, query, raw_path, raw_query_string)

    app._handle_execute_api_request = handle_execute_api_request


def _refusal(
    host: str, path: str, method: str, headers: Json, body: bytes, query: Json, raw_path: str
) -> Response | None:
    parsed = app._parse_execute_api_url(host, path)
    if parsed is None or app.AUTH:
        return None
    api, first, rest = parsed
    stage, execute_path = app._resolve_stage_and_path(api, first, rest)
    if app._execute_api_authorization_type(api, stage, method, execute_path) != "AWS_IAM":
        return None
    failure = _failure(method, raw_path, headers, query, body)
    if failure is None:
        return None
    error = iam_evaluator.AuthError(*failure)
    answer: Response | None = apigateway_v1.authentication_error_response(api, stage, error, headers, query)
    return answer


def _failure(method: str, raw_path: str, headers: Json, query: Json, body: bytes) -> tuple[str, str] | None:
    """Returns the error's code and message for a request that is not signed rightly; None for one that is."""
    presigned = "X-Amz-Signature" in query
    if not presigned and not headers.get("authorization"):
        return MISSING
    if not presigned and not headers["authorization"].startswith("AWS4-HMAC-SHA256"):
        foreign: tuple[str, str] | None = sigv4.foreign_authorization_failure(headers)
        return foreign
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return signature
    if signature.service != "execute-api":
        return WRONG_SERVICE
    late: tuple[str, str] | None = sigv4.request_time_failure(signature, now=datetime.datetime.now(datetime.UTC))
    token = headers.get("x-amz-security-token", "")
    credential = iam_evaluator.resolve_credential(signature.access_key_id, None, token)
    if late is not None or isinstance(credential, iam_evaluator.CredentialResolutionError):
        return late or (credential.code, credential.message)
    wrong: tuple[str, str] | None = sigv4.header_signature_failure(
        signature, credential.secret_access_key, method, raw_path, query, headers, body, presigned=presigned
    )
    return wrong
