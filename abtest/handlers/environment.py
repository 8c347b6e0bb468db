"""What every function of a machine starts from: its environment, typed, read when first needed, and its log."""

import functools
import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from abtest.experiment.record.config import ExperimentConfig

E = TypeVar("E")

logger = Logger(service="workflows")


class VariableError(Exception):
    """The function was deployed without a variable that it needs, or with a wrong one; the message names it."""


@functools.cache
def read(environment: type[E]) -> E:
    """An instance of the class `environment`, one of `record/function_environments.py`.

    Read once a process. Raises VariableError.
    """
    fields: Iterable[str] = environment._fields  # type: ignore[attr-defined]
    return environment(**{field: _value(field.upper()) for field in fields})


def _value(variable: str) -> Any:
    text = os.environ.get(variable)
    if not text:
        raise VariableError(f"The environment variable {variable} is missing: deploy the stack again.")
    return _config(variable, text) if variable == "EXPERIMENT_CONFIG" else text


def _config(variable: str, text: str) -> "ExperimentConfig":
    from abtest.experiment.record.config import ExperimentConfig  # most functions need none

    try:
        return ExperimentConfig.from_json(json.loads(text))
    except (ValueError, AttributeError) as error:
        raise VariableError(f"The environment variable {variable} is wrong: {error}") from error
