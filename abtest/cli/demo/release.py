"""From trained models to an endpoint that serves them: approval, and the wait for build-endpoint."""

import time
from collections.abc import Mapping

from abtest.adapters import executions, registry
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.errors import UserError
from abtest.experiment.experiment import Experiment

ENDPOINT_SECONDS = 600.0  # an endpoint takes minutes on AWS, seconds here
NOTE = "Approved by `abtest demo`."


def approve_newest(outputs: Mapping[str, str]) -> list[str]:
    """Approves the newest champion and the newest challenger, one right after the other; returns their ARNs."""
    newest = [registry.packages(outputs[name])[0] for name in ("ChampionGroupName", "ChallengerGroupName")]
    for package in newest:
        registry.set_status(package.arn, registry.APPROVED, NOTE)
    return [package.arn for package in newest]


def wait_for_experiment(outputs: Mapping[str, str], package_arns: list[str]) -> Experiment:
    """Until the endpoint serves these packages and build-endpoint rests. Raises UserError with a failure's cause."""
    machine_arn = outputs["BuildEndpointStateMachineArn"]
    table, end = ExperimentsTable(outputs["ExperimentsTableName"]), time.monotonic() + ENDPOINT_SECONDS
    while time.monotonic() < end:
        failed = executions.of_status(machine_arn, "FAILED")
        if failed:
            raise UserError(f"build-endpoint failed: {executions.wait(failed[0], seconds=0).cause}")
        experiment = table.current(outputs["EndpointName"])
        running = executions.of_status(machine_arn, "RUNNING")
        if experiment and not running and _serves(experiment, package_arns):
            return experiment
        time.sleep(0.5)
    raise UserError(f"{outputs['EndpointName']} did not serve both models within {ENDPOINT_SECONDS:.0f} s")


def _serves(experiment: Experiment, package_arns: list[str]) -> bool:
    return {variant.model_package_arn for variant in experiment.variants} == set(package_arns)
