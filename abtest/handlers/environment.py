"""What every function of a machine starts from: its environment, typed, read when first needed, and its log."""

import functools
import json
import os
from dataclasses import fields
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from abtest.experiment.record.config import ExperimentConfig

E = TypeVar("E")

logger = Logger(service="workflows")


class VariableError(Exception):
    """The function was deployed without a variable that it needs, or with a wrong one; the message names it."""


@functools.cache
def read(environment: type[E]) -> E:
    """An instance of the dataclass `environment`, one of `record/function_environments.py`.

    Read once a process. Raises VariableError.
    """
    return environment(**{field.name: _value(field.name.upper(), field.type) for field in fields(environment)})  # type: ignore[arg-type]


def _value(variable: str, kind: Any) -> Any:
    text = os.environ.get(variable)
    if not text:
        raise VariableError(f"The environment variable {variable} is missing: deploy the stack again.")
    return _config(variable, text) if kind is ExperimentConfig else text


def _config(variable: str, text: str) -> ExperimentConfig:
    try:
        return ExperimentConfig.from_json(json.loads(text))
    except (ValueError, AttributeError) as error:
        raise VariableError(f"The environment variable {variable} is wrong: {error}") from error
