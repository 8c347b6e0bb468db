"""The environment variables of each Lambda function: infra sets them, the handlers read them, by these fields alone.

A variable's name is its field's in upper case.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from abtest.experiment.record.config import ExperimentConfig


class ApiEnvironment(NamedTuple):
    """Of /invocation and /conversion; `endpoint_prefix` begins the names of the endpoints that the API serves."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    endpoint_prefix: str


class StatsEnvironment(NamedTuple):
    """Of /stats."""

    experiments_table_name: str
    endpoint_prefix: str


class EndpointEnvironment(NamedTuple):
    """Of acquire_lease, release_lease, clean_up and list_endpoints; `endpoint_name` is the stage's own endpoint."""

    experiments_table_name: str
    endpoint_name: str


class ExperimentEnvironment(NamedTuple):
    """Of register_experiment and endpoint_changed."""

    experiment_config: "ExperimentConfig"
    experiments_table_name: str


class SelectionEnvironment(NamedTuple):
    """Of select_variants."""

    experiment_config: "ExperimentConfig"
    experiments_table_name: str
    champion_group_name: str
    challenger_group_name: str
    model_execution_role_arn: str
    bucket_name: str


class ShadowEnvironment(NamedTuple):
    """Of compare_shadow."""

    experiment_config: "ExperimentConfig"
    experiments_table_name: str
    challenger_group_name: str
    bucket_name: str


class AlarmEnvironment(NamedTuple):
    """Of set_alarms."""

    experiment_config: "ExperimentConfig"


class TakeOutEnvironment(NamedTuple):
    """Of take_out."""

    experiments_table_name: str
    endpoint_name: str
    rebalance_state_machine_arn: str


class CountingEnvironment(NamedTuple):
    """Of count_events."""

    experiments_table_name: str
    assignments_table_name: str
    delivery_stream_name: str
    bucket_name: str


class DecidingEnvironment(NamedTuple):
    """Of decide."""

    bucket_name: str


class RecordingEnvironment(NamedTuple):
    """Of record_decision."""

    experiments_table_name: str


class PromotionEnvironment(NamedTuple):
    """Of promote."""

    experiment_config: "ExperimentConfig"
    experiments_table_name: str
    champion_group_name: str
