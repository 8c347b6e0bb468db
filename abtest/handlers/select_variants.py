"""SelectVariants: what the registry says the endpoint should serve, and what has to be done for it."""

import dataclasses
from typing import Any, TypedDict

from abtest.adapters import captures, registry
from abtest.adapters.releases import ReleasesTable
from abtest.adapters.shadows import Shadows
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan
from abtest.experiment.record.selection import Selection, select
from abtest.experiment.record.shadow import Pair
from abtest.handlers.settings import SelectionSettings, logger, read
from abtest.operations.deploy import Deployment, plan_of


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
    settings = read(SelectionSettings)
    deployment = _deployment(settings)
    selected = _nothing(settings) if deployment is None else _selected(deployment, event["endpoint"], settings)
    logger.info(selected["reason"], action=selected["action"], endpoint_config_name=selected["endpoint_config_name"])
    return selected


def _deployment(settings: SelectionSettings) -> Deployment | None:
    selection = select(
        registry.packages(settings.champion_group_name),
        registry.packages(settings.challenger_group_name),
        settings.experiment_config,
    )
    if selection is None:
        return None
    return Deployment(
        settings.endpoint_name, settings.model_execution_role_arn, selection, _is_in_shadow(settings, selection)
    )


def _is_in_shadow(settings: SelectionSettings, selection: Selection) -> bool:
    """Whether the challenger has to be a shadow first: it neither serves beside this champion nor has a verdict."""
    if settings.experiment_config.shadow is None or not selection.challengers:
        return False
    plan = plan_of(selection)
    experiment = _experiment(settings, plan)
    if experiment and plan.continues(experiment) and set(plan.packages.values()) <= set(experiment.packages.values()):
        return False
    found = _shadows(settings).get(_pair(selection))
    return found is None or found.passed is None


def _experiment(settings: SelectionSettings, plan: Plan) -> Experiment | None:
    """What the plan would go on with: the one that a rollback wants, else the current one."""
    table, name = ReleasesTable(settings.experiments_table_name), settings.endpoint_name
    return table.wanted_back(name, table.releases(name), plan) or table.current(name)


def _shadows(settings: SelectionSettings) -> Shadows:
    return Shadows(settings.experiments_table_name, settings.endpoint_name)


def _pair(selection: Selection) -> Pair:
    champion, challenger = selection.champion, selection.challengers[0]
    return Pair(champion.variant_name, champion.package.arn, challenger.variant_name, challenger.package.arn)


def _nothing(settings: SelectionSettings) -> Selected:
    return Selected(
        action="nothing",
        reason=f"No model package of {settings.champion_group_name} is approved.",
        endpoint_config_name="",
        models=[],
        production_variants=[],
        experiment=None,
        in_shadow=False,
        shadow={},
        shadow_variants=[],
        data_capture={},
    )


def _selected(deployment: Deployment, endpoint: dict[str, Any], settings: SelectionSettings) -> Selected:
    config, action = settings.experiment_config, deployment.action(endpoint)
    shares = deployment.plan.shares(_experiment(settings, deployment.plan), config.joining_share, config.canary_share)
    if deployment.in_shadow and action != "register":
        _shadows(settings).forget(_pair(deployment.selection))  # its time begins once it is deployed
    return Selected(
        action=action,
        reason=f"Approved: {', '.join(deployment.plan.packages)}. The endpoint is {endpoint['EndpointStatus']}.",
        endpoint_config_name=deployment.endpoint_config_name,
        models=[ModelToCreate(name=name, package_arn=arn) for name, arn in deployment.models.items()],
        production_variants=deployment.production_variants(shares),
        experiment=deployment.plan.to_json(),
        in_shadow=deployment.in_shadow,
        shadow=dataclasses.asdict(_pair(deployment.selection)) if deployment.in_shadow else {},
        shadow_variants=deployment.shadow_variants,
        data_capture=captures.config(settings.bucket_name) if deployment.in_shadow else {},
    )
