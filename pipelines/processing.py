"""Processing steps share a shape: a module of this package, from the code prefix, in the scikit-learn image."""

from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from pipelines.context import Context, job_retries

ROOT = "/opt/ml/processing"
LONGEST_RUN_SECONDS = 3600
VOLUME_GB = 30


def source(name: str, uri: Any) -> ProcessingInput:
    """Gives the script the objects under `uri`, in ROOT/input/NAME."""
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri,
            local_path=f"{ROOT}/input/{name}",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="FullyReplicated",
        ),
    )


def target(name: str, uri: Any) -> ProcessingOutput:
    """Uploads what the script leaves in ROOT/output/NAME to `uri` when it ends."""
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(s3_uri=uri, local_path=f"{ROOT}/output/{name}", s3_upload_mode="EndOfJob"),
    )


def script_step(
    context: Context,
    name: str,
    module: str,
    *,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    arguments: Sequence[Any],
    property_files: Sequence[PropertyFile] = (),
) -> ProcessingStep:
    """Returns a step that runs `pipelines.MODULE` with `arguments`; inputs and outputs are name -> S3 URI."""
    processor = Processor(
        image_uri=context.processing_image_uri,
        entrypoint=["python3", "-m", f"pipelines.{module}"],
        role=context.pipeline_role_arn,
        instance_count=1,
        instance_type=context.get("ProcessingInstanceType"),
        base_job_name=name,
        sagemaker_session=context.session,
        volume_size_in_gb=VOLUME_GB,
        max_runtime_in_seconds=LONGEST_RUN_SECONDS,
        # Large sorts go to the volume, too, whose size is known.
        env={"PYTHONPATH": f"{ROOT}/input/code", "SQLITE_TMPDIR": f"{ROOT}/output"},
    )
    step_args = processor.run(
        inputs=[source(key, uri) for key, uri in {"code": context.code_uri, **inputs}.items()],
        outputs=[target(key, uri) for key, uri in outputs.items()],
        arguments=list(arguments),
    )
    return ProcessingStep(name, step_args=step_args, property_files=list(property_files), retry_policies=job_retries())
