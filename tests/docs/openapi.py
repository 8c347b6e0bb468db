"""docs/openapi.json: the API as OpenAPI 3.1, from the route files, their models and the tables of errors."""

import ast
import functools
import importlib
import inspect
import json
from types import ModuleType
from typing import Any

import jsonschema
from pydantic.json_schema import models_json_schema

from abtest.handlers.api import Answer, Refusal, Request
from abtest.handlers.errors import STATUSES, ApiError, status_of
from tests.conftest import ROOT

Json = dict[str, Any]

HANDLERS = ROOT / "abtest" / "handlers"
REST_API = ROOT / "infra" / "constructs" / "rest_api.py"

# API Gateway's own refusals, as AWS documents them; the codes are ours.
GATEWAY = {
    "ACCESS_DENIED": ("403", "Your credentials may not invoke the API."),
    "DEFAULT_4XX": ("4XX", "API Gateway refuses the request for another reason."),
    "DEFAULT_5XX": ("5XX", "API Gateway fails for another reason."),
    "EXPIRED_TOKEN": ("403", "Your session's token has expired."),
    "INTEGRATION_FAILURE": ("504", "API Gateway got no valid answer from the function."),
    "INTEGRATION_TIMEOUT": ("504", "API Gateway got no answer within 29 seconds."),
    "INVALID_SIGNATURE": ("403", "The signature is wrong."),
    "MISSING_AUTHENTICATION_TOKEN": ("403", "The request is not signed, or there is no such route."),
    "QUOTA_EXCEEDED": ("429", "You have used up your quota."),
    "REQUEST_TOO_LARGE": ("413", "API Gateway takes at most 10 MB."),
    "THROTTLED": ("429", "You send more requests than API Gateway lets through."),
}
MEANINGS: dict[type[Exception], str] = {Exception: "The request failed by a fault of the service."}
SERVER = {
    "url": "https://{api}.execute-api.{region}.amazonaws.com/{stage}",
    "variables": {"api": {"default": "api"}, "region": {"default": "us-east-1"}, "stage": {"default": "dev"}},
}
SIGNED = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
    "description": "AWS Signature Version 4 for the service `execute-api`, by credentials that may invoke the API.",
}


def routes() -> dict[str, ModuleType]:
    """The modules of abtest/handlers that answer a route, by its path."""
    files = (path for path in sorted(HANDLERS.glob("*.py")) if "app = resolver()" in path.read_text())
    return {f"/{path.stem}": importlib.import_module(f"abtest.handlers.{path.stem}") for path in files}


def models(module: ModuleType) -> tuple[type[Request], type[Answer]]:
    """What a route takes and what it answers: its own models of the names ...Request and ...Answer."""
    own = [model for model in vars(module).values() if inspect.isclass(model) and model.__module__ == module.__name__]
    request = next((model for model in own if issubclass(model, Request)), Request)
    return request, next(model for model in own if issubclass(model, Answer) and model.__name__.endswith("Answer"))


def gateway(name: str) -> Any:
    """The constant `name` of the API's construct, read without loading the CDK."""
    for node in ast.parse(REST_API.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{REST_API} has no {name}")


def refusals(module: ModuleType) -> list[tuple[str, str, str]]:
    """The status, code and meaning of each refusal: first the function's, then API Gateway's own."""
    asks = hasattr(module, "endpoint")  # only who asks an endpoint passes on its errors
    errors = [(error, *found) for error, found in STATUSES.items() if asks or issubclass(error, ApiError)]
    errors.append((Exception, *status_of(Exception())))
    ours = [(str(status.value), code, MEANINGS.get(error) or str(error.__doc__)) for error, status, code in errors]
    return sorted(ours) + sorted((GATEWAY[kind][0], code, GATEWAY[kind][1]) for kind, code in gateway("CODES").items())


def operation(path: str, module: ModuleType) -> Json:
    """The POST of a route: what powertools knows of it, with our models as bodies."""
    known = json.loads(module.app.get_openapi_json_schema(title="abtest", version="1"))["paths"][path]["post"]
    request, answer = models(module)
    name = known["operationId"].removesuffix(f"_{path[1:]}_post")
    answers = {status: (text["description"], answer) for status, text in known["responses"].items()}
    for status, code, meaning in refusals(module):
        before = answers[status][0] + " " if status in answers else ""
        answers[status] = (f"{before}`{code}`: {meaning}", Refusal)
    return {
        "operationId": name,
        "summary": inspect.getdoc(getattr(module, name)),
        "requestBody": {"required": True, "content": content(request)},
        "responses": {
            status: {"description": text, "content": content(model)} for status, (text, model) in answers.items()
        },
    }


def content(model: type[Request] | type[Answer]) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


@functools.cache
def document() -> Json:
    pairs = [models(module) for module in routes().values()]
    answers: list[type[Answer]] = [*(answer for _, answer in pairs), Refusal]
    schemas = models_json_schema(
        [*((request, "validation") for request, _ in pairs), *((answer, "serialization") for answer in answers)],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "abtest", "version": "1", "description": "A/B tests of the models behind an endpoint."},
        "servers": [SERVER],
        "security": [{"sigv4": []}],
        "paths": {path: {"post": operation(path, module)} for path, module in routes().items()},
        "components": {"schemas": untitled(schemas), "securitySchemes": {"sigv4": SIGNED}},
    }


def untitled(schema: Any) -> Any:
    """Without the titles that pydantic makes of the fields' names."""
    if isinstance(schema, dict):
        return {key: untitled(part) for key, part in schema.items() if not (key == "title" and isinstance(part, str))}
    return [untitled(part) for part in schema] if isinstance(schema, list) else schema


def page() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def check(path: str, status: int, body: Any) -> None:
    """Raises jsonschema.ValidationError, or KeyError for a status that the document does not know."""
    response = document()["paths"][path]["post"]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema | {"components": document()["components"]}).validate(body)
