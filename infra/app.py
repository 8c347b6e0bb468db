"""Composes the CDK app: the four stacks of one stage, `cdk deploy --context stage=demo`."""

import os
import sys
from pathlib import Path

import aws_cdk as cdk

from abtest.experiment.record.config import ConfigError, ExperimentConfig
from infra import environments
from infra.constructs.resources import Resources
from infra.environments import Delivery
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.project import project_tags
from infra.stacks.training import TrainingStack
from infra.stacks.workflows import WorkflowsStack

ASSET = Path(__file__).parent.parent / "build" / "lambda" / "asset"

# Behaviour that the CDK keeps off by default for the sake of older apps.
FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    "@aws-cdk/core:enablePartitionLiterals": True,
}

BY_HAND = Delivery()


def compose(app: cdk.App, config: ExperimentConfig, asset: Path = ASSET, delivery: Delivery = BY_HAND) -> None:
    """Adds the stacks of the stage that `config` describes; `asset` is the folder of all Lambda code."""
    keep = environments.is_kept(config)
    data = DataStack(app, f"{config.prefix}-data", keep=keep)
    training = TrainingStack(
        app,
        f"{config.prefix}-training",
        project_name=config.project_name,
        pipeline_name=f"{config.prefix}-pipeline",
        bucket=data.bucket,
        keep=keep,
        delivery=delivery,
    )
    resources = Resources(
        config=config,
        bucket=data.bucket,
        experiments=data.experiments,
        assignments=data.assignments,
        stream_name=data.events.stream_name,
        stream_arn=data.events.stream_arn,
        model_role_arn=training.model_role.role_arn,
        group_names=training.group_names,
    )
    WorkflowsStack(app, f"{config.prefix}-workflows", asset=asset, resources=resources, keep=keep)
    ApiStack(app, f"{config.prefix}-api", asset=asset, resources=resources, keep=keep)
    cdk.Tags.of(app).add("project", config.project_name)
    cdk.Tags.of(app).add("stage", config.stage_name)
    if delivery.project_name and delivery.project_id:
        for key, value in project_tags(delivery.project_name, delivery.project_id).items():
            cdk.Tags.of(app).add(key, value)


def begun() -> tuple[cdk.App, ExperimentConfig]:
    """Returns an empty app and the configuration of its stage; a mistake in that ends the process."""
    app = cdk.App(analytics_reporting=False, context=FLAGS)
    try:
        return app, environments.load(app.node.try_get_context("stage") or "dev")
    except ConfigError as error:
        sys.exit(f"abtest: {error}")


def main() -> None:
    app, config = begun()
    if not ASSET.is_dir():
        sys.exit(f"abtest: {ASSET} is missing; `abtest deploy` fills it and deploys")
    compose(app, config, delivery=Delivery.of(os.environ))
    app.synth()


if __name__ == "__main__":
    main()
