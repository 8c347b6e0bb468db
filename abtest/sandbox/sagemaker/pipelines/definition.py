"""Parses a compiled pipeline definition (schema 2020-12-01) into steps that know what they depend on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from abtest.sandbox.sagemaker.errors import ServiceError, validation
from abtest.sandbox.sagemaker.pipelines import forms, step_types
from abtest.sandbox.sagemaker.pipelines.expressions import references
from abtest.sandbox.sagemaker.wire import Json

VERSION = "2020-12-01"
BRANCHES = {True: "IfSteps", False: "ElseSteps"}


@dataclass(frozen=True)
class Step:
    """One step; `parent` is the Condition step in whose branch (`IfSteps` or `ElseSteps`) it stands, if any."""

    document: Json
    parent: str | None = None
    branch: str | None = None

    @property
    def name(self) -> str:
        return str(self.document["Name"])

    @property
    def kind(self) -> str:
        return str(self.document["Type"])

    @property
    def arguments(self) -> Json:
        """The arguments of this step alone: a Condition step's are its conditions, not its branches."""
        arguments: Json = self.document.get("Arguments") or {}
        if self.kind == step_types.CONDITION:
            return {"Conditions": arguments.get("Conditions") or []}
        return arguments

    @property
    def depends_on(self) -> list[Any]:
        return self.document.get("DependsOn") or []

    @property
    def property_files(self) -> dict[str, Json]:
        return {file["PropertyFileName"]: file for file in self.document.get("PropertyFiles") or []}

    @property
    def retry_policies(self) -> list[Json]:
        return self.document.get("RetryPolicies") or []

    @property
    def dependencies(self) -> set[str]:
        """Names of the steps that must have succeeded before this one starts."""
        named = {reference.name for reference in references(self.arguments) if reference.root == "Steps"}
        return {*named, *self.depends_on, *([self.parent] if self.parent else [])}


@dataclass(frozen=True)
class Definition:
    """Holds the parameters as declared, and all steps in the order of the document, those in branches too."""

    parameters: list[Json]
    steps: dict[str, Step]
    experiment: Json


def bad(problem: str) -> ServiceError:
    return validation(f"Unable to parse pipeline definition. {problem}")


def load(text: str) -> Json:
    """Reads the definition as JSON; raises ValidationException if it is none, or not of this schema."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise bad(f"It is not valid JSON: {error}.") from None
    wrong = forms.problem(document, forms.DEFINITION)
    if wrong:
        raise bad(f"{wrong}.")
    if document.get("Version") != VERSION:
        raise bad(f"Version is '{document.get('Version')}', must be '{VERSION}'.")
    if not document.get("Steps"):
        raise bad("Steps must be a list of at least one step.")
    loaded: Json = document
    return loaded


def parse(text: str) -> Definition:
    """Parses a definition that was checked before (checks.checked)."""
    document = load(text)
    steps = {step.name: step for step in walk(document["Steps"])}
    return Definition(document.get("Parameters") or [], steps, document.get("PipelineExperimentConfig") or {})


def walk(documents: list[Any], parent: str | None = None, branch: str | None = None) -> Iterator[Step]:
    """Yields each step, followed by those in its branches."""
    for document in documents:
        step = Step(document, parent, branch)
        yield step
        if step.kind == step_types.CONDITION:
            for name in BRANCHES.values():
                yield from walk(document["Arguments"].get(name) or [], step.name, name)
