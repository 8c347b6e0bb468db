"""Gates and registers models: one that reaches the accuracy floor becomes a model package.

A challenger must also not be credibly worse than the champion on the same test rows.
"""

from collections.abc import Sequence
from typing import Any

from sagemaker.core.metadata_properties import MetadataProperties
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep

from pipelines.context import Context, request_retries
from pipelines.evaluation import Evaluated, builder


def register(context: Context, model: Evaluated, group_name: str, card_uri: Join) -> ModelStep:
    """Registers the artefact with its report, its data card, its training job and the code that made it.

    ExecutionId and TestRole tell packages apart.
    """
    step_args = builder(context, model.trained.model_uri).register(
        model_package_group_name=group_name,
        content_types=["application/json"],
        response_types=["application/json"],
        model_metrics=ModelMetrics(
            model_statistics=MetricsSource(content_type="application/json", s3_uri=model.report_uri),
            model_data_statistics=MetricsSource(content_type="application/json", s3_uri=card_uri),
        ),
        metadata_properties=MetadataProperties(commit_id=context.code_version, generated_by=model.trained.job_arn),
        approval_status=context.get("ModelApprovalStatus"),
        customer_metadata_properties={
            "ExecutionId": ExecutionVariables.PIPELINE_EXECUTION_ID,
            "TestRole": model.test_role.lower(),
            "CodeUri": context.code_uri,
            "TestAccuracy": Join(values=[model.accuracy()]),  # a join makes text of the number
        },
        description=f"BlazingText classifier of helpful reviews: {model.test_role.lower()}",
    )
    return ModelStep(f"Register{model.test_role}", step_args=step_args, retry_policies=request_retries())


def champion_gate(context: Context, champion: Evaluated, accepted: Sequence[Any]) -> ConditionStep:
    """Runs the steps `accepted` if the accuracy reaches the floor; else fails the execution and says why."""
    accuracy, floor = champion.accuracy(), context.get("AccuracyFloor")
    return ConditionStep(
        "CheckChampion",
        conditions=[ConditionGreaterThanOrEqualTo(left=accuracy, right=floor)],
        if_steps=list(accepted),
        else_steps=[
            refused(
                champion, "The champion is not registered: its test accuracy", accuracy, "is under the floor", floor
            )
        ],
    )


def challenger_gate(
    context: Context, challenger: Evaluated, accepted: Sequence[Any], depends_on: Sequence[Any]
) -> ConditionStep:
    """Runs the steps `accepted` if the accuracy reaches the floor and is not credibly worse than the champion's.

    One step for both, and beside the champion's: SageMaker has no condition within a condition.
    """
    accuracy, floor = challenger.accuracy(), context.get("AccuracyFloor")
    loss, allowed = challenger.credible_loss(), context.get("MaximumCredibleLoss")
    return ConditionStep(
        "CheckChallenger",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=accuracy, right=floor),
            ConditionLessThanOrEqualTo(left=loss, right=allowed),
        ],
        if_steps=list(accepted),
        else_steps=[
            refused(
                challenger,
                *("The challenger is not registered: its test accuracy is", accuracy, "where the floor is", floor),
                *("and it loses at least", loss, "to the champion (95 % interval, same test rows) where"),
                *("MaximumCredibleLoss is", allowed),
            )
        ],
        depends_on=list(depends_on),
    )


def refused(model: Evaluated, *words: Any) -> FailStep:
    return FailStep(f"{model.test_role}Refused", error_message=Join(on=" ", values=list(words)))
