"""Finds a stage: its configuration file, and its stacks in CloudFormation."""

import json
import os
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import abtest
from abtest.cli.shown.output import UserError
from abtest.experiment.record.config import ConfigError, ExperimentConfig
from abtest.experiment.record.config_file import read_stage

ROOT = Path(abtest.__file__).parent.parent  # of the project: the package is installed in place
CONFIG = ROOT / "infra" / "config"
PARTS = ("data", "training", "workflows", "api")  # in the order in which they are made
WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def stages() -> list[str]:
    """Returns the names of all stages that have a configuration."""
    return sorted(file.stem for file in CONFIG.glob("*.json") if "." not in file.stem)


def load_config(stage: str) -> ExperimentConfig:
    """Reads `infra/config/{stage}.json`; SAGEMAKER_PROJECT_NAME takes the place of its `project_name`.

    Raises UserError.
    """
    path = CONFIG / f"{stage}.json"
    if not path.is_file():
        raise UserError(f"there is no stage {stage}: the stages are {', '.join(stages())}")
    try:
        return read_stage(path.read_text(), stage, os.environ.get("SAGEMAKER_PROJECT_NAME"))
    except ConfigError as error:
        raise UserError(f"{path.relative_to(ROOT)}: {error}") from None


def stack_names(stage: str) -> list[str]:
    """Returns the stage's stacks, in the order in which they are made."""
    return [f"{load_config(stage).prefix}-{part}" for part in PARTS]


def outputs(stage: str) -> dict[str, str]:
    """Returns the outputs of all the stage's stacks by key. Raises UserError if it is not deployed."""
    found: dict[str, str] = {}
    for name in stack_names(stage):
        stack = described(name)
        if stack is None:
            raise UserError(f"stage {stage} is not deployed: run abtest deploy --stage {stage}")
        if stack["StackStatus"] not in WHOLE:
            raise UserError(f"the stack {name} is {stack['StackStatus']}: run abtest deploy --stage {stage}")
        found |= outputs_of(stack)
    return {key: value for key, value in found.items() if not key.startswith("ExportsOutput")}


def outputs_of(stack: dict[str, Any]) -> dict[str, str]:
    """Returns the outputs of one stack, as CloudFormation describes it."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def client() -> Any:
    """Returns CloudFormation's client, which soon gives up a place that does not answer."""
    config = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("cloudformation", config=config)


def owned(name: str) -> dict[str, bool]:
    """Returns what the stack made, by physical name; True if it is kept when the stack goes."""
    template = client().get_template(StackName=name)["TemplateBody"]
    parts = (template if isinstance(template, dict) else json.loads(template))["Resources"]
    pages = client().get_paginator("list_stack_resources").paginate(StackName=name)
    found = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {
        resource["PhysicalResourceId"]: parts.get(resource["LogicalResourceId"], {}).get("DeletionPolicy") == "Retain"
        for resource in found
        if "PhysicalResourceId" in resource
    }


def described(name: str) -> dict[str, Any] | None:
    """Describes the stack as CloudFormation does; None if there is none."""
    try:
        stack: dict[str, Any] = client().describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return stack
