"""docs/events.md, from the dataclasses of the events and the docstrings of their fields."""

import ast
import dataclasses
import inspect
import typing
from collections.abc import Iterator
from typing import Any

from abtest.experiment.record import events

HEAD = """# The events

The API writes what happened as events; counts follow from nothing else. Within a minute Firehose puts them into the
stage's bucket under `events/yyyy/mm/dd/hh/` (UTC), as GZIP files with one JSON object a line. An event may come twice,
and late: count each `event_id` once. Later versions may add fields: ignore those that you do not know.
"""

# What a line has beside the fields of the dataclasses.
ADDED = {
    "event_id": (
        "text",
        "The same for every retry: 32 hexadecimal digits made of experiment, type, user and inference id.",
    ),
    "type": ("text", "What happened: "),
}
TYPES = {"str": "text", "float": "number", "datetime": "time (UTC, ISO 8601)", "Any": "any JSON", "NoneType": "null"}


def page() -> str:
    return "\n".join([HEAD, *(line for kind in events.KINDS.values() for line in section(kind))])


def section(kind: type[Any]) -> Iterator[str]:
    yield from (f"## {kind.type}", "", inspect.getdoc(kind) or "", "", "| field | type | meaning |", "|---|---|---|")
    for name, (text, meaning) in ADDED.items():
        yield f"| `{name}` | {text} | {meaning}{f'`{kind.type}`.' if name == 'type' else ''} |"
    hints, meanings = typing.get_type_hints(kind), dict(field_docs(kind))
    for field in dataclasses.fields(kind):
        optional = "" if field.default is dataclasses.MISSING else ", may be left out"
        yield f"| `{field.name}` | {type_name(hints[field.name])}{optional} | {meanings[field.name]} |"
    yield ""


def type_name(hint: Any) -> str:
    return " or ".join(TYPES[part.__name__] for part in typing.get_args(hint) or (hint,))


def field_docs(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """The docstring below each field, of the classes that `kind` inherits from too."""
    for cls in kind.__mro__[-2::-1]:
        body = ast.parse(inspect.getsource(cls)).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, doc in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
                yield ast.unparse(field.target), str(doc.value.value)
