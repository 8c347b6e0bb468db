"""Values stand here for those of an execution, so that a definition can be checked before it runs."""

from typing import Any

from botocore.model import Shape

from abtest.sandbox.sagemaker.pipelines import step_types
from abtest.sandbox.sagemaker.pipelines.definition import Definition
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError, Reference, Values
from abtest.sandbox.sagemaker.wire import Json

TEXT = "stub" * 10  # longer than the least length of any string, such as the 20 of a role's ARN

# By the type of a shape, and by the type of a parameter.
_SHAPES: dict[str, Any] = {"string": TEXT, "integer": 1, "long": 1, "float": 0.5, "double": 0.5, "boolean": True}
_PARAMETERS: dict[str, Any] = {"String": TEXT, "Integer": 1, "Float": 0.5, "Boolean": True}


class Unknown(str):
    """Stands for a value read from a JSON document: nothing tells of what type it will be."""


def stubs(definition: Definition) -> Values:
    """Returns values of the right types."""
    return Values(lambda reference: _stub(reference, definition), lambda *_: Unknown(TEXT), lambda *_: Unknown(TEXT))


def _stub(reference: Reference, definition: Definition) -> Any:
    if reference.root == "Parameters":
        return _parameter(next(p for p in definition.parameters if p["Name"] == reference.name))
    if reference.root == "Execution":
        return TEXT
    step = definition.steps[reference.name]
    if step.kind == step_types.CONDITION and reference.path == ("Outcome",):
        return True
    shape = _shape_at(reference, step_types.property_shapes(step.kind))
    if shape.type_name == "timestamp":
        return TEXT
    if shape.type_name not in _SHAPES:
        raise ExpressionError(f"'{reference}' is no single value")
    return _SHAPES[shape.type_name]


def _parameter(declaration: Json) -> Any:
    default = declaration.get("DefaultValue")
    return _PARAMETERS[declaration["Type"]] if default is None else default


def _shape_at(reference: Reference, shapes: dict[str, Shape]) -> Shape:
    if not reference.path or reference.path[0] not in shapes:
        raise ExpressionError(f"there is no property '{reference}'")
    shape = shapes[str(reference.path[0])]
    for token in reference.path[1:]:
        shape = _inner(shape, token, reference)
    return shape


def _inner(shape: Shape, token: str | int, reference: Reference) -> Shape:
    if shape.type_name == "list":
        return shape.member
    if shape.type_name == "map":
        return shape.value
    members = shape.members if shape.type_name == "structure" else {}
    if token not in members:
        raise ExpressionError(f"there is no property '{reference}'")
    return members[token]
