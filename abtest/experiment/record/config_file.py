"""What people write, read by pydantic: a stage's configuration, with its JSON Schema, and an endpoint's tags.

Errors are in words that come from the schema itself. Only this file of the records loads pydantic, which takes a fifth
of a second.
"""

import dataclasses
import difflib
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails

from abtest.experiment.record.config import AUTOMATIC, ConfigError, ExperimentConfig
from abtest.experiment.record.settings import ExperimentSettings

T = TypeVar("T")

UNAUTHENTICATED_STAGES = ("dev", "demo")
NULLABLE = ("champion_variant_config", "challenger_variant_config")  # null stands for their defaults


@dataclasses.dataclass(frozen=True)
class Condition:
    """What several keys must be together: as a check, which returns what is wrong if it is, and as a JSON Schema."""

    problem: Callable[[ExperimentConfig], str | None]
    schema: dict[str, Any]


def _unauthenticated(config: ExperimentConfig) -> str | None:
    if config.authentication != "none" or config.stage_name in UNAUTHENTICATED_STAGES:
        return None
    stages = " and ".join(UNAUTHENTICATED_STAGES)
    return f'authentication: "none" is allowed only in the stages {stages}; say "iam"'


def _shadow(config: ExperimentConfig) -> str | None:
    if not config.shadow or (config.challenger_variant_count == 1 and len(config.challenger_variant_config) <= 1):
        return None
    return (
        "shadow: SageMaker has one shadow variant beside one production variant: set challenger_variant_count to 1 and "
        "name at most one challenger, or leave shadow out"
    )


def _promotion(config: ExperimentConfig) -> str | None:
    if config.promotion != AUTOMATIC or not config.pinned:
        return None
    return f'{config.pinned[0]}: "promotion" is automatic, so no version can be named; remove either'


def _names(config: ExperimentConfig) -> str | None:
    variants = (config.champion_variant_config, *config.challenger_variant_config)
    names = [variant.variant_name for variant in variants if variant.variant_name]
    twice = next((name for name in names if names.count(name) > 1), None)
    return twice and f'variant_name: "{twice}" is given to two variants; give each its own'


def _if(key: str, schema: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"required": [key], "properties": {key: schema}}, "then": {"properties": then}}


NEWEST = {"properties": {"model_package_version": {"type": "null"}}}
CONDITIONS = (
    Condition(
        _unauthenticated, _if("authentication", {"const": "none"}, {"stage_name": {"enum": [*UNAUTHENTICATED_STAGES]}})
    ),
    Condition(
        _shadow,
        _if(
            "shadow",
            {"type": "object"},
            {"challenger_variant_count": {"const": 1}, "challenger_variant_config": {"maxItems": 1}},
        ),
    ),
    Condition(
        _promotion,
        _if(
            "promotion",
            {"const": AUTOMATIC},
            {"champion_variant_config": NEWEST, "challenger_variant_config": {"items": NEWEST}},
        ),
    ),
    Condition(_names, {}),  # no schema can say it
)


def read_config(document: Any) -> ExperimentConfig:
    """The configuration in a JSON document. Raises ConfigError for the first wrong key, and says what it must be."""
    if isinstance(document, dict):
        document = {key: value for key, value in document.items() if value is not None or key not in NULLABLE}
    config = validated(ExperimentConfig, document)
    problem = next(filter(None, (condition.problem(config) for condition in CONDITIONS)), None)
    if problem:
        raise ConfigError(problem)
    return config


def read_stage(text: str, stage: str, project_name: str | None) -> ExperimentConfig:
    """The configuration in a stage's file; in a SageMaker project `project_name` takes the place of the file's.

    Raises ConfigError as `read_config`, and for text that is not JSON or another stage's.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}") from None
    if project_name and isinstance(document, dict):
        document |= {"project_name": project_name}
    config = read_config(document)
    if config.stage_name != stage:
        raise ConfigError(f"stage_name: must be {stage}, as the file's name, not {config.stage_name}")
    return config


def validated(kind: type[T], document: Any, prefix: str = "") -> T:
    """The dataclass `kind` of a JSON document. Raises ConfigError, which names the key with `prefix` before it."""
    known: Any = kind
    adapter = _adapter(known)
    try:
        found: T = adapter.validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(prefix + _told(first, adapter.json_schema())) from None
    return found


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _told(error: ErrorDetails, schema: dict[str, Any]) -> str:
    *parents, key = error["loc"] or ("",)
    where = _path(error["loc"])
    if error["type"] == "missing":
        return f"{where}: is missing; add it"
    if error["type"] == "unexpected_keyword_argument":
        keys = list(_at(schema, parents)["properties"])
        near = difflib.get_close_matches(str(key), keys, 1)
        return f"{where}: there is no such key; " + (
            f'did you mean "{near[0]}"?' if near else f"the keys are {', '.join(keys)}"
        )
    wanted = _wanted(_at(schema, error["loc"]))
    if wanted == "a JSON object":
        return f"{where or 'configuration'}: must be {wanted}"
    return f"{where}: must be {wanted}, not {error['input']!r}"


def _path(location: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _at(schema: dict[str, Any], location: Sequence[str | int]) -> dict[str, Any]:
    """The part of the schema for the value at `location`."""
    part = schema
    for step in (None, *location):
        if step is not None:
            part = part["items"] if isinstance(step, int) else part["properties"][step]
        part = next((one for one in part.get("anyOf", ()) if one.get("type") != "null"), part)
        part = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return part


def _wanted(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if schema["type"] == "array":
        return f"a list of at most {schema['maxItems']} variants"
    if schema["type"] == "integer":
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    if schema["type"] == "number":
        above = "exclusiveMinimum" in schema
        least = schema["exclusiveMinimum" if above else "minimum"]
        most = f"{schema['maximum']:g}"
        return f"a number above {least:g} and at most {most}" if above else f"a number from {least:g} to {most}"
    return "true or false" if schema["type"] == "boolean" else "a JSON object"


class _Schema(GenerateJsonSchema):
    """The JSON Schema without titles, which would only repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a stage's file, with a description of each key."""
    schema = _adapter(ExperimentConfig).json_schema(schema_generator=_Schema)
    # pydantic finds the descriptions of a class's own fields only.
    inherited = _adapter(ExperimentSettings).json_schema(schema_generator=_Schema)["properties"]
    properties = schema["properties"] | inherited
    for key in NULLABLE:
        described = {"description": properties[key].pop("description")}
        properties[key] = described | {"anyOf": [properties[key], {"type": "null"}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Experiment configuration of one stage",
        "description": "Beyond this schema, no two variants may have the same name.",
        "properties": properties,
        "allOf": [condition.schema for condition in CONDITIONS if condition.schema],
    }
