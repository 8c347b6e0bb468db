"""Builds TrainChampion: one supervised BlazingText training with given hyperparameters."""

from collections.abc import Mapping
from typing import Any

from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer

from pipelines.context import Context, job_retries
from pipelines.prepare import features_uri

LONGEST_RUN_SECONDS = 3600
VOLUME_GB = 30

# Strings: the SDK writes a Python True as "true" here and as "True" in a tuning job; BlazingText documents the latter.
FIXED = {"mode": "supervised", "early_stopping": "True", "min_epochs": "5", "patience": "4"}

HYPERPARAMETERS = {
    "epochs": "Epochs",
    "learning_rate": "LearningRate",
    "min_count": "MinCount",
    "vector_dim": "VectorDim",
    "word_ngrams": "WordNgrams",
    "buckets": "Buckets",
}


def channels(features: ProcessingStep) -> list[InputData]:
    return [
        InputData(channel_name=name, data_source=features_uri(features, name), content_type="text/plain")
        for name in ("train", "validation")
    ]


def trainer(context: Context, test_role: str, hyperparameters: Mapping[str, Any]) -> ModelTrainer:
    """Returns the trainer; `test_role`, champion or challenger, is the folder of the artefacts under `models/`."""
    return ModelTrainer(
        training_image=context.blazingtext_image_uri,
        role=context.pipeline_role_arn,
        sagemaker_session=context.session,
        base_job_name=test_role,
        compute=Compute(
            instance_type=context.get("TrainingInstanceType"), instance_count=1, volume_size_in_gb=VOLUME_GB
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=LONGEST_RUN_SECONDS),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{context.bucket}/models/{test_role}"),
        hyperparameters=dict(hyperparameters),
    )


def train_champion(context: Context, features: ProcessingStep) -> TrainingStep:
    chosen = {name: context.text(f"Champion{suffix}") for name, suffix in HYPERPARAMETERS.items()}
    champion = trainer(context, "champion", FIXED | chosen)
    return TrainingStep(
        "TrainChampion",
        step_args=champion.train(input_data_config=channels(features)),
        retry_policies=job_retries(),
    )
