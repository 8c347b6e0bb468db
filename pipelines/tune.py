"""Builds TuneChallenger: a search over BlazingText's hyperparameters whose best training job is the challenger."""

from typing import Any

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.mlops.workflow.steps import ProcessingStep, TuningStep
from sagemaker.train.tuner import HyperparameterTuner

from pipelines.context import Context, job_retries
from pipelines.train import FIXED, HYPERPARAMETERS, channels, trainer

OBJECTIVE = "validation:accuracy"


class TuningStepWithLimits(TuningStep):  # type: ignore[misc] # the SDK has no types
    """A tuning step whose strategy and numbers of jobs are pipeline parameters, which the SDK's tuner refuses."""

    def __init__(self, name: str, *, strategy: Any, limits: dict[str, Any], **options: Any) -> None:
        super().__init__(name, **options)
        self._strategy, self._limits = strategy, limits

    @property
    def arguments(self) -> dict[str, Any]:
        request: dict[str, Any] = super().arguments
        config = request["HyperParameterTuningJobConfig"]
        config["Strategy"] = self._strategy
        config["ResourceLimits"].update(self._limits)
        return request


def ranges(context: Context) -> dict[str, ContinuousParameter | IntegerParameter]:
    """Returns bounds from the parameters Minimum* and Maximum*, both ends included."""
    made = {}
    for name, suffix in HYPERPARAMETERS.items():
        kind = ContinuousParameter if name == "learning_rate" else IntegerParameter
        made[name] = kind(context.text(f"Minimum{suffix}"), context.text(f"Maximum{suffix}"))
    return made


def tune_challenger(context: Context, features: ProcessingStep) -> TuningStepWithLimits:
    """Builds the search. The tuner's own early stopping is off: it cannot stop BlazingText's jobs."""
    tuner = HyperparameterTuner(
        trainer(context, "challenger", FIXED),
        OBJECTIVE,
        ranges(context),
        objective_type="Maximize",
        strategy="Bayesian",  # like the two numbers of jobs, replaced in the step below
        early_stopping_type="Off",
        max_jobs=9,
        max_parallel_jobs=3,
        random_seed=context.get("Seed"),
    )
    return TuningStepWithLimits(
        "TuneChallenger",
        strategy=context.get("TuningStrategy"),
        limits={
            "MaxNumberOfTrainingJobs": context.get("MaximumTuningJobs"),
            "MaxParallelTrainingJobs": context.get("MaximumParallelTuningJobs"),
        },
        step_args=tuner.tune(inputs=channels(features), wait=False),
        retry_policies=job_retries(),
    )


def best_model_uri(context: Context, step: TuningStep) -> Any:
    """Returns the artefact of the training job that came first by the objective."""
    return step.get_top_model_s3_uri(top_k=0, s3_bucket=context.bucket, prefix="models/challenger")
