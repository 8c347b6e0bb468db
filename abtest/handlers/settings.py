"""What every function of a machine starts from: its environment, typed, read when first needed, and its log."""

import functools
import json
import os
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from abtest.experiment.record.config import ExperimentConfig

S = TypeVar("S")

logger = Logger(service="workflows")


class SettingsError(Exception):
    """The function was deployed without a variable that it needs, or with a wrong one; the message names it."""


@functools.cache
def read(settings: type[S]) -> S:
    """An instance of the dataclass `settings`, each field from the variable of its name in upper case.

    Read once a process. Raises SettingsError.
    """
    return settings(**{field.name: _value(field.name.upper(), field.type) for field in fields(settings)})  # type: ignore[arg-type]


def _value(variable: str, kind: Any) -> Any:
    text = os.environ.get(variable)
    if not text:
        raise SettingsError(f"The environment variable {variable} is missing: deploy the stack again.")
    return _config(variable, text) if kind is ExperimentConfig else text


def _config(variable: str, text: str) -> ExperimentConfig:
    try:
        return ExperimentConfig.from_json(json.loads(text))
    except (ValueError, AttributeError) as error:
        raise SettingsError(f"The environment variable {variable} is wrong: {error}") from error


@dataclass(frozen=True)
class ApiSettings:
    """/invocation and /conversion."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    endpoint_prefix: str


@dataclass(frozen=True)
class StatsSettings:
    """/stats."""

    experiments_table_name: str
    endpoint_prefix: str


@dataclass(frozen=True)
class LeaseSettings:
    """acquire_lease, release_lease."""

    experiments_table_name: str
    endpoint_name: str


@dataclass(frozen=True)
class SelectionSettings:
    """select_variants."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    endpoint_name: str
    champion_group_name: str
    challenger_group_name: str
    model_execution_role_arn: str
    bucket_name: str


@dataclass(frozen=True)
class RegistrationSettings:
    """register_experiment."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    endpoint_name: str


@dataclass(frozen=True)
class ShadowSettings:
    """compare_shadow."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    endpoint_name: str
    challenger_group_name: str
    bucket_name: str


@dataclass(frozen=True)
class AlarmSettings:
    """set_alarms."""

    experiment_config: ExperimentConfig
    endpoint_name: str


@dataclass(frozen=True)
class BreakerSettings:
    """take_out."""

    experiments_table_name: str
    endpoint_name: str
    rebalance_state_machine_arn: str


@dataclass(frozen=True)
class CleaningSettings:
    """clean_up."""

    experiments_table_name: str
    endpoint_name: str


@dataclass(frozen=True)
class CountingSettings:
    """count_events."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    bucket_name: str


@dataclass(frozen=True)
class DecidingSettings:
    """decide."""

    bucket_name: str


@dataclass(frozen=True)
class RecordingSettings:
    """record_decision."""

    experiments_table_name: str


@dataclass(frozen=True)
class AdoptionSettings:
    """endpoint_changed."""

    experiment_config: ExperimentConfig
    experiments_table_name: str


@dataclass(frozen=True)
class ListingSettings:
    """list_endpoints."""

    experiments_table_name: str
    endpoint_name: str


@dataclass(frozen=True)
class PromotionSettings:
    """promote."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    endpoint_name: str
    champion_group_name: str
