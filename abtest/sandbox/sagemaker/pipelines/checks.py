"""Refuses, for CreatePipeline and UpdatePipeline, what can be known to be wrong before a definition runs."""

import graphlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.validate import ParamValidator

from abtest.sandbox.sagemaker import wire
from abtest.sandbox.sagemaker.pipelines import conditions, definition, forms, parameters, step_types
from abtest.sandbox.sagemaker.pipelines.definition import Definition, Step
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError, Path, Reference, references, resolve
from abtest.sandbox.sagemaker.pipelines.stubs import Unknown, stubs
from abtest.sandbox.sagemaker.wire import Json

EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
)

_STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


def checked(text: str) -> Definition:
    """Parses the definition in `text`; raises ValidationException, naming the step, if it cannot run."""
    document = definition.load(text)
    _refuse(_steps_form(document["Steps"]))
    _refuse(_parameter_problems(document))
    parsed = definition.parse(text)
    _refuse(_duplicates(document))
    for step in parsed.steps.values():
        _refuse(f"Step '{step.name}': {problem}" for problem in _step_problems(step, parsed))
    _refuse(_cycles(parsed))
    _refuse(_experiment_problems(parsed))
    return parsed


def _refuse(problems: Iterable[str]) -> None:
    for problem in problems:
        raise definition.bad(problem if problem.endswith(".") else f"{problem}.")


def _parameter_problems(document: Json) -> Iterator[str]:
    declarations = document.get("Parameters") or []
    for declaration in declarations:
        yield from parameters.declaration_problems(declaration)
    yield from (f"Parameter '{name}' is declared twice" for name in _twice(d["Name"] for d in declarations))


def _twice(names: Iterable[str]) -> list[str]:
    seen = list(names)
    return sorted({name for name in seen if seen.count(name) > 1})


def _duplicates(document: Json) -> Iterator[str]:
    for name in _twice(step.name for step in definition.walk(document["Steps"])):
        yield f"Step name '{name}' is used twice; names must be unique, in branches too"


def _steps_form(documents: list[Any]) -> Iterator[str]:
    """Checks that every step has a name, a type that we run, and arguments; branches likewise."""
    for document in documents:
        wrong = _step_form(document)
        if wrong:
            yield wrong
        elif document["Type"] == step_types.CONDITION:
            for branch in definition.BRANCHES.values():
                yield from _steps_form(document["Arguments"].get(branch) or [])


def _step_form(document: Any) -> str | None:
    name = document.get("Name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not _STEP_NAME.fullmatch(name):
        return f"Every step needs a Name of 1 to 64 letters, digits, '-' and '_'; one has {name!r}"
    kind = document.get("Type")
    if kind not in list(step_types.NAMES):
        return f"Step '{name}' has type '{kind}', which the sandbox does not run; it runs {', '.join(step_types.NAMES)}"
    wrong = _member_forms(document)
    return f"Step '{name}' is wrong: {wrong}" if wrong else None


def _member_forms(document: Json) -> str | None:
    branches = forms.BRANCHES if document["Type"] == step_types.CONDITION else {}
    return (
        forms.problem(document, forms.STEP, required=("Arguments",))
        or forms.problem(document["Arguments"], branches)
        or forms.problem_of_each(document.get("PropertyFiles"), forms.PROPERTY_FILE, required=(*forms.PROPERTY_FILE,))
        or forms.problem_of_each(document.get("RetryPolicies"), forms.RETRY_POLICY)
    )


def _step_problems(step: Step, parsed: Definition) -> Iterator[str]:
    """Yields what is wrong with a step, in an order in which each check may rely on those before it."""
    if step.kind == step_types.CONDITION and step.parent:
        yield f"is a condition in a branch of '{step.parent}': conditions cannot be nested"
    try:
        found = list(references(step.arguments))
        yield from _dependency_problems(step, parsed)
        for reference in found:
            yield from _reference_problems(reference, parsed)
        yield from _argument_problems(step, parsed)
    except ExpressionError as error:
        yield str(error)


def _dependency_problems(step: Step, parsed: Definition) -> Iterator[str]:
    for name in step.depends_on:
        if not isinstance(name, str):
            yield f"DependsOn {name!r} is a run condition, which the sandbox does not support"
        elif name not in parsed.steps:
            yield f"depends on step '{name}', which does not exist"
        elif parsed.steps[name].kind == step_types.FAIL:
            yield f"{step.name} can not depends on {name}"


def _reference_problems(reference: Reference, parsed: Definition) -> Iterator[str]:
    if reference.root == "Parameters" and reference.name not in {p["Name"] for p in parsed.parameters}:
        yield f"refers to parameter '{reference.name}', which is not defined"
    elif reference.root == "Execution" and reference.name not in EXECUTION_VARIABLES:
        yield f"refers to execution variable '{reference.name}'; there are {', '.join(EXECUTION_VARIABLES)}"
    elif reference.root == "Steps":
        yield from _step_reference_problems(reference, parsed.steps.get(reference.name))


def _step_reference_problems(reference: Reference, target: Step | None) -> Iterator[str]:
    if target is None:
        yield f"refers to step '{reference.name}', which does not exist"
    elif reference.path[:1] == ("PropertyFiles",) and reference.path[1:] not in _files(target):
        yield f"refers to '{reference}', but step '{target.name}' has no such property file"


def _files(step: Step) -> list[Path]:
    return [(name,) for name in step.property_files]


def _property_file_problems(step: Step, arguments: Json) -> Iterator[str]:
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    names = [output.get("OutputName") for output in outputs]
    for name, file in step.property_files.items():
        if file["OutputName"] not in names:
            yield f"property file '{name}' is in output '{file['OutputName']}', which is missing"


def _argument_problems(step: Step, parsed: Definition) -> Iterator[str]:
    if step.kind == step_types.CONDITION:
        for condition in step.arguments["Conditions"]:
            yield from conditions.problems(condition)
    arguments = resolve(step.arguments, stubs(parsed))
    if step.kind == step_types.FAIL and not isinstance(arguments.get("ErrorMessage", ""), str):
        yield "ErrorMessage must be a string"
    if step.kind in step_types.RESOURCES:
        yield from _shape_problems(step_types.RESOURCES[step.kind], arguments)
        yield from _property_file_problems(step, arguments)


def _shape_problems(kind: step_types.StepType, arguments: Json) -> Iterator[str]:
    """Yields what botocore finds wrong with the request, but for the types of values that are not known yet."""
    shape = wire.operation_model(kind.create).input_shape
    named = {kind.identifier: "stub"} if kind.has_name else {}
    report = ParamValidator().validate({**named, **arguments}, shape)
    report._errors = [error for error in report._errors if not isinstance(error[2].get("param"), Unknown)]
    if report.has_errors():
        yield f"{kind.create} would refuse its Arguments: {report.generate_report()}"


def _cycles(parsed: Definition) -> Iterator[str]:
    try:
        graphlib.TopologicalSorter({name: step.dependencies for name, step in parsed.steps.items()}).prepare()
    except graphlib.CycleError as error:
        yield f"The steps depend on each other in a circle: {' -> '.join(reversed(error.args[1]))}"


def _experiment_problems(parsed: Definition) -> Iterator[str]:
    """Checks that the experiment's names come from parameters and execution variables: no step has run by then."""
    try:
        for reference in references(parsed.experiment):
            if reference.root == "Steps":
                yield f"PipelineExperimentConfig refers to '{reference}'"
            yield from (f"PipelineExperimentConfig {problem}" for problem in _reference_problems(reference, parsed))
        resolved = resolve(parsed.experiment, stubs(parsed))
    except ExpressionError as error:
        yield f"PipelineExperimentConfig: {error}"
    else:
        if not all(isinstance(name, str | None) for name in resolved.values()):
            yield "PipelineExperimentConfig must hold strings"
