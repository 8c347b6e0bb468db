"""Builds CreateModel, Transform and Evaluate for one model: its metrics through the algorithm's own serving path."""

from dataclasses import dataclass
from typing import Any

from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import ProcessingStep, TransformStep
from sagemaker.serve.model_builder import ModelBuilder

from pipelines.context import Context, job_retries, request_retries
from pipelines.prepare import features_uri
from pipelines.processing import ROOT, script_step

ACCURACY = "binary_classification_metrics.accuracy.value"
CREDIBLE_LOSS = "comparison.credible_loss"


@dataclass(frozen=True)
class Trained:
    """A model's artefact and the training job that made it, both known once that has ended."""

    model_uri: Any
    job_arn: Any


@dataclass(frozen=True)
class Evaluated:
    """One model with its evaluation; `test_role` is Champion or Challenger."""

    test_role: str
    trained: Trained
    create: ModelStep
    transform: TransformStep
    evaluate: ProcessingStep

    @property
    def steps(self) -> list[Any]:
        return [self.create, self.transform, self.evaluate]

    @property
    def predictions_uri(self) -> Any:
        return self.transform.properties.TransformOutput.S3OutputPath

    @property
    def report_uri(self) -> Join:
        folder = self.evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
        return Join(on="/", values=[folder, "evaluation.json"])

    def accuracy(self) -> JsonGet:
        """Returns the test accuracy, 0..1, known once Evaluate has ended."""
        return self._reported(ACCURACY)

    def credible_loss(self) -> JsonGet:
        """Returns the accuracy that a challenger loses to the champion at least, by the interval; 0 if perhaps none."""
        return self._reported(CREDIBLE_LOSS)

    def _reported(self, json_path: str) -> JsonGet:
        return JsonGet(step_name=self.evaluate.name, property_file="Report", json_path=json_path)


def builder(context: Context, model_uri: Any) -> ModelBuilder:
    # dependencies=None: any other value makes the builder upload code while the pipeline is compiled.
    return ModelBuilder(
        image_uri=context.blazingtext_image_uri,
        s3_model_data_url=model_uri,
        role_arn=context.model_execution_role_arn,
        sagemaker_session=context.session,
        dependencies=None,
    )


def evaluated(
    context: Context, test_role: str, trained: Trained, features: ProcessingStep, champion: Evaluated | None = None
) -> Evaluated:
    """Builds the steps of one model; a challenger is also compared with `champion`, on the same rows' predictions."""
    create = ModelStep(
        f"Create{test_role}", step_args=builder(context, trained.model_uri).build(), retry_policies=request_retries()
    )
    transform = transform_step(context, test_role, create, features)
    inputs = {
        "predictions": transform.properties.TransformOutput.S3OutputPath,
        "labels": features_uri(features, "labels"),
        **({"champion": champion.predictions_uri} if champion else {}),
    }
    arguments: list[Any] = ["--output", f"{ROOT}/output/evaluation", "--seed", context.text("Seed")]
    for name in inputs:
        arguments += [f"--{name}", f"{ROOT}/input/{name}"]
    evaluate = script_step(
        context,
        f"Evaluate{test_role}",
        "evaluate",
        inputs=inputs,
        outputs={"evaluation": context.run_uri("evaluation", test_role.lower())},
        arguments=arguments,
        property_files=[PropertyFile(name="Report", output_name="evaluation", path="evaluation.json")],
    )
    return Evaluated(test_role, trained, create, transform, evaluate)


def transform_step(context: Context, test_role: str, create: ModelStep, features: ProcessingStep) -> TransformStep:
    """Predicts the test rows, a line each in their order: `test.jsonl.out`."""
    transformer = Transformer(
        model_name=create.properties.ModelName,
        instance_count=1,
        instance_type=context.get("TransformInstanceType"),
        strategy="MultiRecord",
        assemble_with="Line",
        accept="application/jsonlines",
        output_path=context.run_uri("predictions", test_role.lower()),
        sagemaker_session=context.session,
    )
    step_args = transformer.transform(
        data=features_uri(features, "test"), content_type="application/jsonlines", split_type="Line"
    )
    return TransformStep(f"Transform{test_role}", step_args=step_args, retry_policies=job_retries())
