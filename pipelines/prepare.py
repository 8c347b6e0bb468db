"""PrepareFeatures: reviews -> training text, test rows and labels, simulated traffic, data card."""

from typing import Any

from sagemaker.mlops.workflow.steps import ProcessingStep

from pipelines.context import Context
from pipelines.processing import ROOT, script_step

SLICES = ("train", "validation", "test", "labels", "traffic", "card")

OPTIONS = {
    "--minimum-votes": "MinimumVotes",
    "--helpfulness-threshold": "HelpfulnessThreshold",
    "--train-fraction": "TrainFraction",
    "--validation-fraction": "ValidationFraction",
    "--test-fraction": "TestFraction",
    "--traffic-fraction": "TrafficFraction",
    "--seed": "Seed",
    "--source": "ReviewsS3Uri",
}


def prepare_features(context: Context) -> ProcessingStep:
    arguments: list[Any] = ["--reviews", f"{ROOT}/input/reviews", "--output", f"{ROOT}/output"]
    for option, parameter in OPTIONS.items():
        arguments += [option, context.text(parameter)]
    return script_step(
        context,
        "PrepareFeatures",
        "features.py",
        inputs={"reviews": context.get("ReviewsS3Uri")},
        outputs={name: context.run_uri("features", name) for name in SLICES},
        arguments=arguments,
    )


def features_uri(step: ProcessingStep, name: str) -> Any:
    """Where PrepareFeatures put the slice `name`: a reference that also makes the reader wait for the step."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
