"""The CDK app: the four stacks of one stage, `cdk deploy --context stage=demo`."""

import sys

import aws_cdk as cdk

from abtest.experiment.config import ConfigError, ExperimentConfig
from infra import environments
from infra.stacks.data import DataStack

# Behaviour that the CDK keeps off by default for the sake of older apps.
FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
}


def compose(app: cdk.App, config: ExperimentConfig) -> None:
    """Adds the stacks of the stage that `config` describes."""
    prefix = f"{config.project_name}-{config.stage_name}"
    keep = environments.is_kept(config)
    DataStack(app, f"{prefix}-data", keep=keep)
    cdk.Tags.of(app).add("project", config.project_name)
    cdk.Tags.of(app).add("stage", config.stage_name)


def main() -> None:
    app = cdk.App(analytics_reporting=False, context=FLAGS)
    try:
        config = environments.load(app.node.try_get_context("stage") or "dev")
    except ConfigError as error:
        sys.exit(f"abtest: {error}")
    compose(app, config)
    app.synth()


if __name__ == "__main__":
    main()
