"""SelectVariants: what the registry says the endpoint should serve, and what has to be done for it."""

from typing import Any, TypedDict

from abtest.adapters import registry
from abtest.adapters.deployment import Deployment
from abtest.adapters.releases import ReleasesTable
from abtest.handlers.settings import SelectionSettings, read
from abtest.handlers.workflow import logger


class ModelToCreate(TypedDict):
    name: str
    package_arn: str


class Selected(TypedDict):
    """`action` is nothing, register, create, update or replace; `reason` says why."""

    action: str
    reason: str
    endpoint_config_name: str
    models: list[ModelToCreate]
    production_variants: list[dict[str, Any]]
    experiment: dict[str, Any] | None


def handler(event: dict[str, Any], _context: Any) -> Selected:
    settings = read(SelectionSettings)
    deployment = _deployment(settings)
    selected = _nothing(settings) if deployment is None else _selected(deployment, event["endpoint"], settings)
    logger.info(selected["reason"], action=selected["action"], endpoint_config_name=selected["endpoint_config_name"])
    return selected


def _deployment(settings: SelectionSettings) -> Deployment | None:
    selection = registry.select(
        registry.packages(settings.champion_group_name),
        registry.packages(settings.challenger_group_name),
        settings.experiment_config,
    )
    if selection is None:
        return None
    return Deployment(settings.endpoint_name, settings.model_execution_role_arn, selection)


def _nothing(settings: SelectionSettings) -> Selected:
    return Selected(
        action="nothing",
        reason=f"No model package of {settings.champion_group_name} is approved.",
        endpoint_config_name="",
        models=[],
        production_variants=[],
        experiment=None,
    )


def _selected(deployment: Deployment, endpoint: dict[str, Any], settings: SelectionSettings) -> Selected:
    table, name = ReleasesTable(settings.experiments_table_name), settings.endpoint_name
    experiment = table.wanted_back(name, table.releases(name), deployment.plan) or table.current(name)
    config = settings.experiment_config
    shares = deployment.plan.shares(experiment, config.joining_share, config.canary_share)
    return Selected(
        action=deployment.action(endpoint),
        reason=f"Approved: {', '.join(deployment.plan.packages)}. The endpoint is {endpoint['EndpointStatus']}.",
        endpoint_config_name=deployment.endpoint_config_name,
        models=[ModelToCreate(name=name, package_arn=arn) for name, arn in deployment.models.items()],
        production_variants=deployment.production_variants(shares),
        experiment=deployment.plan.to_json(),
    )
