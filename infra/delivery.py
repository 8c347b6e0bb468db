"""Composes the CDK app of delivery: a stage's pipeline, the portfolio of project templates, the template itself."""

import aws_cdk as cdk

from abtest.experiment.record.config import ExperimentConfig
from infra import environments
from infra.app import begun
from infra.stacks.delivery import DeliveryStack
from infra.stacks.portfolio import PortfolioStack
from infra.stacks.project import ProjectTemplate

PORTFOLIO = "abtest-portfolio"
PROJECT = "abtest-project"


def compose(app: cdk.App, config: ExperimentConfig) -> None:
    """Adds the stacks; PROJECT is not deployed but handed to SageMaker as a file."""
    delivery = DeliveryStack(app, f"{config.prefix}-delivery", config=config, approve=environments.is_kept(config))
    cdk.Tags.of(delivery).add("project", config.project_name)
    cdk.Tags.of(delivery).add("stage", config.stage_name)
    PortfolioStack(app, PORTFOLIO)
    ProjectTemplate(app, PROJECT)


def main() -> None:
    app, config = begun()
    compose(app, config)
    app.synth()


if __name__ == "__main__":
    main()
