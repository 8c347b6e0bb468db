"""The environment variables of each Lambda function: infra sets them, the handlers read them, by these fields alone.

A variable's name is its field's in upper case.
"""

import dataclasses

from abtest.experiment.record.config import ExperimentConfig


@dataclasses.dataclass(frozen=True)
class ApiEnvironment:
    """Of /invocation and /conversion; `endpoint_prefix` begins the names of the endpoints that the API serves."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    endpoint_prefix: str


@dataclasses.dataclass(frozen=True)
class StatsEnvironment:
    """Of /stats."""

    experiments_table_name: str
    endpoint_prefix: str


@dataclasses.dataclass(frozen=True)
class EndpointEnvironment:
    """Of acquire_lease, release_lease, clean_up and list_endpoints; `endpoint_name` is the stage's own endpoint."""

    experiments_table_name: str
    endpoint_name: str


@dataclasses.dataclass(frozen=True)
class ExperimentEnvironment:
    """Of register_experiment and endpoint_changed."""

    experiment_config: ExperimentConfig
    experiments_table_name: str


@dataclasses.dataclass(frozen=True)
class SelectionEnvironment:
    """Of select_variants."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    champion_group_name: str
    challenger_group_name: str
    model_execution_role_arn: str
    bucket_name: str


@dataclasses.dataclass(frozen=True)
class ShadowEnvironment:
    """Of compare_shadow."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    challenger_group_name: str
    bucket_name: str


@dataclasses.dataclass(frozen=True)
class AlarmEnvironment:
    """Of set_alarms."""

    experiment_config: ExperimentConfig


@dataclasses.dataclass(frozen=True)
class TakeOutEnvironment:
    """Of take_out."""

    experiments_table_name: str
    endpoint_name: str
    rebalance_state_machine_arn: str


@dataclasses.dataclass(frozen=True)
class CountingEnvironment:
    """Of count_events."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    bucket_name: str


@dataclasses.dataclass(frozen=True)
class DecidingEnvironment:
    """Of decide."""

    bucket_name: str


@dataclasses.dataclass(frozen=True)
class RecordingEnvironment:
    """Of record_decision."""

    experiments_table_name: str


@dataclasses.dataclass(frozen=True)
class PromotionEnvironment:
    """Of promote."""

    experiment_config: ExperimentConfig
    experiments_table_name: str
    champion_group_name: str
