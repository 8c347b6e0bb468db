"""Resolves a compiled definition's expressions: Get, Std:Join, Std:JsonGet. Pure: values come from a `Values`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
ROOTS = ("Parameters", "Execution", "Steps")

Path = tuple[str | int, ...]

_TOKEN = re.compile(r"""\.?(?P<name>[^.\[\]'"]+)|\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]""")

# Lists that a definition indexes by the name of an element: Outputs['train'] is the output with that OutputName.
ELEMENT_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")


class ExpressionError(ValueError):
    """An expression cannot be read, or finds nothing."""


@dataclass(frozen=True)
class Reference:
    """A reference, as in `{"Get": "Steps.Train.ModelArtifacts.Uri"}`: root Steps, name Train, path the other two."""

    root: str
    name: str
    path: Path = ()

    def __str__(self) -> str:
        return ".".join([self.root, self.name]) + format_path(self.path)


@dataclass(frozen=True)
class Values:
    """Says what expressions resolve to; each function raises ExpressionError if there is no such value.

    `property_file` takes a step, the name of its property file and a path in it; `json_at` the S3 URI of a JSON
    document and a path in it.
    """

    get: Callable[[Reference], Any]
    property_file: Callable[[str, str, Path], Any]
    json_at: Callable[[str, Path], Any]


def parse_path(text: Any) -> Path:
    """Parses `a.b[0]['c']` into ("a", "b", 0, "c"); a leading `$` is allowed."""
    if not isinstance(text, str):
        raise ExpressionError(f"'{text}' is not a valid path")
    tokens: list[str | int] = []
    rest = text.removeprefix("$")
    position = 0
    while position < len(rest):
        match = _TOKEN.match(rest, position)
        if match is None:
            raise ExpressionError(f"'{text}' is not a valid path")
        index = match["index"]
        tokens.append(int(index) if index is not None else match["name"] or match["key"])
        position = match.end()
    return tuple(tokens)


def format_path(path: Path) -> str:
    return "".join(f"[{token}]" if isinstance(token, int) else f".{token}" for token in path)


def parse_reference(text: Any) -> Reference:
    tokens = parse_path(text) if isinstance(text, str) else ()
    if len(tokens) < 2 or tokens[0] not in ROOTS or (tokens[0] != "Steps" and len(tokens) > 2):
        raise ExpressionError(f"'{text}' is not a reference to a parameter, an execution variable or a step")
    return Reference(str(tokens[0]), str(tokens[1]), tokens[2:])


def function_of(document: Any) -> str | None:
    """Returns the function that an object calls, None for an object that is only data."""
    if isinstance(document, dict) and len(document) == 1:
        name = next(iter(document))
        return name if name in FUNCTIONS else None
    return None


def references(document: Any) -> Iterator[Reference]:
    """Yields every reference anywhere in `document`."""
    if function_of(document) == "Get":
        yield parse_reference(document["Get"])
    elif isinstance(document, dict):
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def resolve(document: Any, values: Values) -> Any:
    """Returns `document` with every expression replaced by its value."""
    function = function_of(document)
    if function == "Get":
        return values.get(parse_reference(document["Get"]))
    if function == "Std:Join":
        return _join(document["Std:Join"], values)
    if function == "Std:JsonGet":
        return _json_get(document["Std:JsonGet"], values)
    if isinstance(document, dict):
        return {key: resolve(value, values) for key, value in document.items()}
    if isinstance(document, list):
        return [resolve(value, values) for value in document]
    return document


def _join(body: Any, values: Values) -> str:
    parts = _member(body, "Std:Join", "Values")
    if not isinstance(parts, list):
        raise ExpressionError("Std:Join needs a list as Values")
    return str(body.get("On", "")).join(as_text(resolve(part, values)) for part in parts)


def as_text(value: Any) -> str:
    """Writes a primitive as AWS joins it: booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ExpressionError(f"{value!r} cannot be joined to a string")


def _json_get(body: Any, values: Values) -> Any:
    path = parse_path(_member(body, "Std:JsonGet", "Path"))
    if "S3Uri" in body:
        return values.json_at(as_text(resolve(body["S3Uri"], values)), path)
    step, name = _property_file_of(body)
    return values.property_file(step, name, path)


def _property_file_of(body: Any) -> tuple[str, str]:
    """Returns step and name of the property file that a Std:JsonGet reads."""
    target = _member(body, "Std:JsonGet", "PropertyFile")
    reference = parse_reference(target.get("Get") if isinstance(target, dict) else target)
    if reference.root != "Steps" or len(reference.path) != 2 or reference.path[0] != "PropertyFiles":
        raise ExpressionError(f"'{reference}' is not a reference to a property file")
    return reference.name, str(reference.path[1])


def _member(body: Any, function: str, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise ExpressionError(f"{function} needs {name}")
    return body[name]


def follow(document: Any, path: Path) -> Any:
    """Returns the value at `path` of JSON data; a list may be indexed by the name of an element (ELEMENT_NAMES)."""
    value = document
    for number, token in enumerate(path):
        try:
            value = _step_into(value, token)
        except (KeyError, IndexError, TypeError, StopIteration):
            raise ExpressionError(f"there is nothing at '{format_path(path[: number + 1]).lstrip('.')}'") from None
    return value


def _step_into(value: Any, token: str | int) -> Any:
    if isinstance(value, list) and isinstance(token, str):
        return next(e for e in value if isinstance(e, dict) and token in [e.get(key) for key in ELEMENT_NAMES])
    return value[token]
