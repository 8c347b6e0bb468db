"""Binds pipeline parameters: what a definition declares, to the values that one execution gets."""

import math
from typing import Any

from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.pipelines import forms
from abtest.sandbox.sagemaker.pipelines.expressions import as_text
from abtest.sandbox.sagemaker.wire import Json

Parameters = dict[str, Any]

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (float, int),
    "Boolean": (bool,),
}

BOOLEANS = {"true": True, "false": False}


def declaration_problems(declaration: Any) -> list[str]:
    """Returns what is wrong with one element of the definition's Parameters."""
    wrong = forms.problem(declaration, forms.PARAMETER, required=("Name", "Type"))
    if wrong:
        return [f"A parameter is wrong: {wrong}"]
    name, kind = declaration["Name"], declaration["Type"]
    if kind not in PYTHON_TYPES:
        return [f"Parameter '{name}' has type '{kind}', which is none of {', '.join(PYTHON_TYPES)}"]
    default = declaration.get("DefaultValue")
    if default is None:
        return []
    if not _is_of(default, kind):
        return [f"The default of parameter '{name}', {default!r}, is not of type {kind}"]
    if declaration.get("EnumValues") and default not in declaration["EnumValues"]:
        return [f"The default of parameter '{name}', {default!r}, is none of its EnumValues"]
    return []


def bind(declarations: list[Json], given: list[Json]) -> Parameters:
    """Reads the value of every parameter, given as text in a start request; raises ValidationException, naming one."""
    declared = {declaration["Name"]: declaration for declaration in declarations}
    texts = {parameter["Name"]: parameter["Value"] for parameter in given}
    if len(texts) < len(given):
        raise validation("A parameter is given more than once.")
    for name in texts:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise validation(f"Unknown parameter '{name}'. The pipeline's parameters: {known}.")
    return {name: _value(declaration, texts.get(name)) for name, declaration in declared.items()}


def _value(declaration: Json, text: str | None) -> Any:
    name = declaration["Name"]
    if text is None:
        if declaration.get("DefaultValue") is None:
            raise validation(f"Parameter '{name}' is undefined.")
        return declaration["DefaultValue"]
    value = _converted(declaration, text)
    allowed = declaration.get("EnumValues")
    if allowed and value not in allowed:
        raise validation(f"Value '{text}' of parameter '{name}' is none of {', '.join(map(as_text, allowed))}.")
    return value


def _converted(declaration: Json, text: str) -> Any:
    name, kind = declaration["Name"], declaration["Type"]
    if not text:
        raise validation(f"Parameter '{name}': string \"\" is too short (length: 0, required minimum: 1).")
    try:
        if kind == "Boolean":
            return BOOLEANS[text.lower()]
        return text if kind == "String" else _number(text, PYTHON_TYPES[kind][0])
    except (KeyError, ValueError):
        message = f"Unexpected type for parameter '{name}'. Expected {kind} but found '{text}'."
        raise validation(message) from None


def _number(text: str, kind: type) -> Any:
    value = kind(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, PYTHON_TYPES[kind]) and (kind == "Boolean" or not isinstance(value, bool))


def as_list(parameters: Parameters) -> list[Json]:
    """Lists parameters as ListPipelineParametersForExecution reports them."""
    return [{"Name": name, "Value": as_text(value)} for name, value in parameters.items()]
