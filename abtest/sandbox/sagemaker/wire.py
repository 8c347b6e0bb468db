"""Validates requests and shapes responses by botocore's own service model of SageMaker."""

import datetime
import functools
import re
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from abtest.sandbox.sagemaker.errors import ServiceError, validation

Json = dict[str, Any]


@functools.cache
def service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def operation_model(operation: str) -> OperationModel:
    """Returns the model of `operation`; raises UnknownOperationException as AWS does."""
    if operation not in service_model().operation_names:
        raise ServiceError("UnknownOperationException", f"The requested operation {operation} does not exist.")
    return service_model().operation_model(operation)


def validate_request(operation: str, request: Json) -> None:
    """Raises ValidationException naming every field that breaks the model's types, bounds, enums or patterns."""
    shape = operation_model(operation).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise validation(report.generate_report())
    problems = list(_broken_constraints(request, shape, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise validation(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def _broken_constraints(value: Any, shape: Shape, path: str) -> Any:
    """Yields what ParamValidator leaves out: enums, patterns, upper bounds of lengths and numbers."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _broken_constraints(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from _too_many(value, shape, path)
        for index, item in enumerate(value):
            yield from _broken_constraints(item, shape.member, f"{path}.{index + 1}.member")
    elif shape.type_name == "map":
        yield from _too_many(value, shape, path)
        for key, item in value.items():
            yield from _broken_constraints(key, shape.key, f"{path}.{key}.key")
            yield from _broken_constraints(item, shape.value, f"{path}.{key}.value")
    else:
        constraint = _broken_scalar(value, shape)
        if constraint:
            yield f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _too_many(value: Any, shape: Shape, path: str) -> Any:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"Value at '{path}' failed to satisfy constraint: Member must have length less than or equal to {most}"


def _broken_scalar(value: Any, shape: Shape) -> str | None:
    metadata = shape.metadata
    if shape.type_name == "string":
        if "enum" in metadata and value not in metadata["enum"]:
            return f"Member must satisfy enum value set: [{', '.join(metadata['enum'])}]"
        if "max" in metadata and len(value) > metadata["max"]:
            return f"Member must have length less than or equal to {metadata['max']}"
        if "pattern" in metadata and not _matches(metadata["pattern"], value):
            return f"Member must satisfy regular expression pattern: {metadata['pattern']}"
        return None
    if "max" in metadata and isinstance(value, int | float) and value > metadata["max"]:
        return f"Member must have value less than or equal to {metadata['max']}"
    return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compiles a pattern; None for the few Java patterns that Python cannot read, which are not checked."""
    try:
        return re.compile(pattern.replace(r"\p{L}", "a-zA-Z").replace(r"\p{N}", "0-9").replace(r"\p{Z}", r"\s"))
    except re.error:
        return None


def shape_response(operation: str, response: Json) -> Json:
    """Keeps only the members that the model has, in the JSON protocol's types (times as seconds since the epoch)."""
    shape = operation_model(operation).output_shape
    return {} if shape is None else _shaped(response, shape)


def _shaped(value: Any, shape: Shape) -> Any:
    if value is None:
        return None
    if shape.type_name == "structure":
        present = {name: member for name, member in shape.members.items() if value.get(name) is not None}
        return {name: _shaped(value[name], member) for name, member in present.items()}
    if shape.type_name == "list":
        return [_shaped(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _shaped(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, datetime.datetime):
        return value.timestamp()
    return value
