"""SelectVariants: what the registry says the endpoint should serve, and what has to be done for it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypedDict

from abtest.adapters import captures
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.deployment import Deployment
from abtest.experiment.record.function_environments import SelectionEnvironment
from abtest.experiment.record.variants import Shares
from abtest.handlers.environment import logger, read
from abtest.operations import deploy


class ModelToCreate(TypedDict):
    name: str
    package_arn: str


class Selected(TypedDict):
    """`action` is nothing, register, create, update or replace; `reason` says why.

    `shadow`, `shadow_variants` and `data_capture` are empty unless `in_shadow`.
    """

    action: str
    reason: str
    endpoint_config_name: str
    models: list[ModelToCreate]
    production_variants: list[dict[str, Any]]
    experiment: dict[str, Any] | None
    in_shadow: bool
    shadow: dict[str, str]
    shadow_variants: list[dict[str, Any]]
    data_capture: dict[str, Any]


def handler(event: dict[str, Any], _context: Any) -> Selected:
    environment = read(SelectionEnvironment)
    found = deploy.deploy(
        ExperimentsTable(environment.experiments_table_name),
        environment.experiment_config,
        event["endpoint"],
        groups=(environment.champion_group_name, environment.challenger_group_name),
        role_arn=environment.model_execution_role_arn,
    )
    selected = selected_of(*found, event["endpoint"], environment.bucket_name) if found else nothing(environment)
    logger.info(selected["reason"], action=selected["action"], endpoint_config_name=selected["endpoint_config_name"])
    return selected


def nothing(environment: SelectionEnvironment) -> Selected:
    return Selected(
        action="nothing",
        reason=f"No model package of {environment.champion_group_name} is approved.",
        endpoint_config_name="",
        models=[],
        production_variants=[],
        experiment=None,
        in_shadow=False,
        shadow={},
        shadow_variants=[],
        data_capture={},
    )


def selected_of(deployment: Deployment, shares: Shares, endpoint: Mapping[str, Any], bucket_name: str) -> Selected:
    return Selected(
        action=deployment.action(endpoint),
        reason=f"Approved: {', '.join(deployment.plan.packages)}. The endpoint is {endpoint['EndpointStatus']}.",
        endpoint_config_name=deployment.endpoint_config_name,
        models=[ModelToCreate(name=name, package_arn=arn) for name, arn in deployment.models.items()],
        production_variants=deployment.production_variants(shares),
        experiment=deployment.plan.to_json(),
        in_shadow=deployment.in_shadow,
        shadow=dataclasses.asdict(deployment.pair) if deployment.in_shadow else {},
        shadow_variants=deployment.shadow_variants,
        data_capture=captures.config(bucket_name) if deployment.in_shadow else {},
    )
