"""Says what build-endpoint has to do so that the endpoint serves what the registry has approved."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from abtest.adapters import registry, releases, shadows
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.deployment import Deployment
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.selection import select
from abtest.experiment.record.variants import Shares


def deploy(
    table: ExperimentsTable,
    config: ExperimentConfig,
    endpoint: Mapping[str, Any],
    *,
    groups: tuple[str, str],
    role_arn: str,
) -> tuple[Deployment, Shares] | None:
    """What to deploy, and with which traffic shares; None if no champion is approved.

    `endpoint` is described as by DescribeEndpoint, `groups` are the model package groups of the champion and of the
    challengers, `role_arn` is the models'. A shadow that has to be deployed begins anew: its time begins once it is.
    Raises SelectionError and PlanError.
    """
    champions, challengers = (registry.packages(group) for group in groups)
    selection = select(champions, challengers, config)
    if selection is None:
        return None
    deployment, name = Deployment(config.endpoint_name, role_arn, selection), config.endpoint_name
    wanted = table.ended(name, releases.get(table, name).resume)  # by a rollback
    running = deployment.plan.continued(wanted, table.current(name))
    if config.shadow and selection.challengers and _needs_shadow(table, deployment, running):
        deployment = dataclasses.replace(deployment, in_shadow=True)
        if deployment.action(endpoint) != "register":
            table.attempt([shadows.restart(name, deployment.pair)])
    return deployment, deployment.plan.shares(running, config.joining_share, config.canary_share)


def _needs_shadow(table: ExperimentsTable, deployment: Deployment, running: Experiment | None) -> bool:
    """Whether the challenger neither serves beside this champion nor has a verdict of its shadow."""
    if running and set(deployment.plan.packages.values()) <= set(running.packages.values()):
        return False
    found = shadows.get(table, deployment.endpoint_name, deployment.pair)
    return found is None or found.passed is None
