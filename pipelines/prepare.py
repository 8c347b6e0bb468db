"""Builds PrepareFeatures: reviews -> training text, test rows and labels, simulated traffic, index, data card."""

from typing import Any

from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.steps import ProcessingStep

from pipelines.context import Context
from pipelines.processing import ROOT, script_step
from pipelines.rules import PARAMETERS

OUTPUTS = ("train", "validation", "test", "labels", "traffic", "index", "quarantine", "card")


def prepare_features(context: Context) -> ProcessingStep:
    arguments: list[Any] = ["--reviews", f"{ROOT}/input/reviews", "--output", f"{ROOT}/output"]
    for parameter, rule in PARAMETERS.items():
        arguments += [f"--{rule.replace('_', '-')}", context.text(parameter)]
    arguments += ["--source", context.text("ReviewsS3Uri")]
    return script_step(
        context,
        "PrepareFeatures",
        "features",
        inputs={"reviews": context.get("ReviewsS3Uri")},
        outputs={name: context.run_uri("features", name) for name in OUTPUTS},
        arguments=arguments,
    )


def features_uri(step: ProcessingStep, name: str) -> Any:
    """Returns where PrepareFeatures puts the output `name`: a reference that makes its reader wait for the step."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def card_uri(step: ProcessingStep) -> Join:
    """Returns where PrepareFeatures puts the data card."""
    return Join(on="/", values=[features_uri(step, "card"), "features.json"])
