"""Joins the steps: features -> champion and challenger -> evaluation of each -> gates -> registry.

With the SageMaker SDK at hand, `build(context_of(definition.values(outputs, region=region), region), name)` is a
Pipeline like any other: `.upsert(role)`, `.start(parameters)`.
"""

from collections.abc import Mapping

import boto3
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline

from pipelines.context import Context
from pipelines.evaluation import Trained, evaluated
from pipelines.parameters import parameters
from pipelines.prepare import card_uri, prepare_features
from pipelines.register import challenger_gate, champion_gate, register
from pipelines.train import train_champion
from pipelines.tune import best_model_uri, tune_challenger

QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def session(region: str, bucket: str) -> PipelineSession:
    """Makes a session that records requests instead of sending them; telemetry off."""
    return PipelineSession(
        boto_session=boto3.Session(region_name=region), default_bucket=bucket, sagemaker_config=QUIET
    )


def context_of(values: Mapping[str, str], region: str) -> Context:
    """Returns a target from the values that `definition.values` names."""
    return Context(
        session=session(region, values["BucketName"]),
        bucket=values["BucketName"],
        pipeline_role_arn=values["PipelineRoleArn"],
        model_execution_role_arn=values["ModelExecutionRoleArn"],
        blazingtext_image_uri=values["BlazingTextImageUri"],
        processing_image_uri=values["ProcessingImageUri"],
        code_prefix=values["CodePrefix"],
        code_version=values["CodeVersion"],
        champion_group_name=values["ChampionGroupName"],
        challenger_group_name=values["ChallengerGroupName"],
        parameters=parameters(values["BucketName"]),
    )


def build(context: Context, name: str) -> Pipeline:
    """Returns the pipeline `name`.

    The challenger's gate waits for the champion's registration: a challenger is a package created after its
    champion, and without a champion, when that registration never comes, there is nothing to challenge.
    """
    features = prepare_features(context)
    training = train_champion(context, features)
    tuning = tune_challenger(context, features)
    trained = Trained(training.properties.ModelArtifacts.S3ModelArtifacts, training.properties.TrainingJobArn)
    best = Trained(best_model_uri(context, tuning), tuning.properties.BestTrainingJob.TrainingJobArn)
    champion = evaluated(context, "Champion", trained, features)
    challenger = evaluated(context, "Challenger", best, features, champion)
    register_champion = register(context, champion, context.champion_group_name, card_uri(features))
    register_challenger = register(context, challenger, context.challenger_group_name, card_uri(features))
    check_champion = champion_gate(context, champion, [register_champion])
    check_challenger = challenger_gate(context, challenger, [register_challenger], depends_on=[register_champion])
    return Pipeline(
        name=name,
        parameters=list(context.parameters.values()),
        steps=[features, training, tuning, *champion.steps, *challenger.steps, check_champion, check_challenger],
        sagemaker_session=context.session,
        # SageMaker would make an experiment and a trial of each execution, for which the role has no right and some
        # regions no service; the SDK leaves it out by the region in which it compiles.
        pipeline_experiment_config=None,
    )
