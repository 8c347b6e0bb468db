"""Writes the committed template of the pipeline definition: `python -m pipelines.compile`. Offline.

The template holds `${Placeholder}` where a target's own values belong; `definition.py` fills them without the SDK.
"""

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.definition import IMAGES_PATH, TEMPLATE_PATH

REGION = "us-east-1"

# The SDK insists on plausible values; each is replaced by its placeholder afterwards.
STAND_INS = {
    "BucketName": "stand-in-for-the-bucket",
    "PipelineRoleArn": "arn:aws:iam::000000000000:role/stand-in-for-the-pipeline",
    "ModelExecutionRoleArn": "arn:aws:iam::000000000000:role/stand-in-for-the-model",
    "BlazingTextImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/blazingtext:stand-in",
    "ProcessingImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:stand-in",
    "CodePrefix": "stand-in-for-the-code",
    "CodeVersion": "stand-in-for-the-version",
    "ChampionGroupName": "stand-in-for-the-champions",
    "ChallengerGroupName": "stand-in-for-the-challengers",
}


@contextmanager
def sdk_at_rest() -> Iterator[None]:
    """Lets the SDK be used in silence, without region or role check; undoes what it does to the root logger."""
    root = logging.getLogger()
    level, handlers, disabled, variables = root.level, list(root.handlers), root.manager.disable, dict(os.environ)
    os.environ |= {"AWS_DEFAULT_REGION": REGION, "SAGEMAKER_VALIDATE_ROLE": "false"}
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
        os.environ.clear()
        os.environ.update(variables)


def compiled() -> dict[str, Any]:
    """Compiles the definition with placeholders anew."""
    with sdk_at_rest():
        from pipelines.pipeline import build, context_of

        text = build(context_of(STAND_INS, REGION), "abtest").definition()
    for placeholder, stand_in in STAND_INS.items():
        text = text.replace(stand_in, f"${{{placeholder}}}")
    template: dict[str, Any] = json.loads(text)
    return template


def images() -> dict[str, dict[str, str]]:
    """Returns image URIs by region, for every region that has both images."""
    with sdk_at_rest():
        from sagemaker.core import image_uris

        blazingtext = image_uris.config_for_framework("blazingtext")["versions"]["1"]["registries"]
        found = {}
        for region in sorted(blazingtext):
            try:
                processing = image_uris.retrieve("sklearn", region, version="1.4-2-py312")
            except ValueError:
                continue  # no such image in this region
            found[region] = {
                "BlazingTextImageUri": image_uris.retrieve("blazingtext", region),
                "ProcessingImageUri": processing,
            }
    return found


def main() -> None:
    TEMPLATE_PATH.write_text(json.dumps(compiled(), indent=1) + "\n")
    IMAGES_PATH.write_text(json.dumps(images(), indent=1) + "\n")


if __name__ == "__main__":
    main()
